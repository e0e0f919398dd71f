// Reads a text/event-stream response: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
// EventSource can't POST, so the stream comes by fetch; and so a connection that is lost is taken up again here.

const SILENT_MS = 15_000; // the server says something twice a second: after this, nothing will come any more
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/** Yields [event name, parsed JSON] for each event of `response`. */
async function* events(response) {
  let name = "message";
  let lines = [];
  for await (const line of linesOf(response.body)) {
    if (line === "") {
      if (lines.length) yield [name, JSON.parse(lines.join("\n"))];
      name = "message";
      lines = [];
    } else if (line.startsWith("event:")) {
      name = line.slice(6).trim();
    } else if (line.startsWith("data:")) {
      lines.push(line.slice(5).replace(/^ /, ""));
    }
  }
}

async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read());
      if (done) return;
      const lines = (rest + value).split(/\r?\n/);
      rest = lines.pop();
      yield* lines;
    }
  } finally {
    reader.cancel().catch(() => {}); // already broken when the network or the reader ended it
  }
}

async function inTime(promise) {
  let timer = 0;
  const silence = new Promise((_, refuse) => (timer = setTimeout(refuse, SILENT_MS, new TypeError("silent"))));
  const gone = new Promise((_, refuse) => addEventListener("offline", () => refuse(new TypeError("offline")), { once: true }));
  return Promise.race([promise, silence, gone]).finally(() => clearTimeout(timer));
}

/**
 * Yields the events of `response` to the last, `done`, `error` or `approval`. When the connection is lost before, it calls `lost`
 * with whether the browser is offline, asks `again()` for a response until there is one, and yields ["restart"]: what
 * follows is told from the beginning. Throws when there is no way to ask again (`again` gives null).
 */
export async function* lasting(response, { again, lost }) {
  let wait = FIRST_WAIT_MS;
  for (;;) {
    try {
      for await (const event of response ? events(response) : []) {
        wait = FIRST_WAIT_MS;
        yield event;
        if (["done", "error", "approval"].includes(event[0])) return;
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // fetch says TypeError for all that the network does
    }
    for (response = undefined; response === undefined; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      lost(!navigator.onLine);
      await pause(wait);
      response = await again().catch((error) => {
        if (!(error instanceof TypeError)) throw error;
      });
    }
    if (response === null) throw new TypeError("interrupted");
    yield ["restart", {}];
  }
}

/** `milliseconds`, or until the browser is online again. */
function pause(milliseconds) {
  return new Promise((go) => {
    setTimeout(go, milliseconds);
    addEventListener("online", go, { once: true });
  });
}
