// Reads a text/event-stream response: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
// EventSource can't POST, so the stream comes by fetch.

/** Yields [event name, parsed JSON] for each event of `response`. */
export async function* events(response) {
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
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r?\n/);
      rest = lines.pop();
      yield* lines;
    }
  } finally {
    await reader.cancel().catch(() => {}); // already broken when the network or the reader ended it
  }
}
