// The end of an answer: the server's rendering takes the place of what was written here, and only what differs is
// touched. The rest keeps its layout, the focus and what is selected or found in it.

const HOLDS_BLOCKS = "article, div, ul, ol, blockquote, table, thead, tbody, tr, li:has(> p)";
const OURS = ["data-open"]; // a citation whose document is open beside the chat

/** Makes `shown` what `wanted` is; takes `wanted` apart. */
export function become(shown, wanted) {
  if (shown.isEqualNode(wanted)) return;
  if (shown.nodeName !== wanted.nodeName || shown.nodeType !== Node.ELEMENT_NODE) return shown.replaceWith(wanted);
  for (const { name } of [...shown.attributes]) if (!wanted.hasAttribute(name) && !OURS.includes(name)) shown.removeAttribute(name);
  for (const { name, value } of wanted.attributes) if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
  const before = nodesOf(shown);
  const after = nodesOf(wanted);
  before.slice(after.length).forEach((node) => node.remove());
  after.forEach((node, at) => (before[at] ? become(before[at], node) : shown.append(node)));
}

/** The nodes in `parent`, without the white space between blocks and what hovers above them. */
function nodesOf(parent) {
  const counts = (node) => (node.nodeType === Node.TEXT_NODE ? node.data.trim() : !node.popover);
  return parent.matches(HOLDS_BLOCKS) ? [...parent.childNodes].filter(counts) : [...parent.childNodes];
}
