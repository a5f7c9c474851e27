import { createTalkClient, talkPageScript } from "myna/talk";
import type { TalkClient } from "myna/talk";

const PAGE = `<!doctype html><title>Talk</title><button>Talk</button><ol></ol><script type="module">
  import { TalkSession } from "/talk/client.js";
  const tell = (textContent) =>
    document.querySelector("ol").append(Object.assign(document.createElement("li"), { textContent }));
  document.querySelector("button").onclick = async () => {
    const session = await TalkSession.start({ mode: "own" });
    for (const type of ["heard", "transcript"]) session.addEventListener(type, ({ detail }) =>
      detail.final && tell(detail.text));
    session.addEventListener("error", ({ detail }) => tell(detail.message));
  };
</script>`;

const calls = new Map<string, TalkClient>();

/** Only the page that this program served may call: another site's has its own origin, and its own name for this address. */
function isOwn(request: Request): boolean {
  return (
    request.headers.get("host") === server.url.host && request.headers.get("origin") === server.url.origin
  );
}

/** Answers a page's offer with a conversation of its own. */
async function answer(request: Request): Promise<Response> {
  if (!isOwn(request)) return new Response("pages of other sites may not call here", { status: 403 });
  const { sdp } = (await request.json()) as { sdp: string };
  const client = createTalkClient({ url: process.env["REALTIME_URL"], bindAddress: "127.0.0.1" });
  client.on("transcript", ({ role, text, final }) =>
    client.tellPage({ type: role === "user" ? "heard" : "transcript", text, final }),
  );
  client.on("error", ({ code, message, fatal }) => {
    process.stderr.write(`${message}\n`);
    if (fatal) client.tellPage({ type: "error", code, message });
  });
  const answered = await client.handleWebRTCOffer(sdp);
  // Why it fails comes as an event as well.
  client.initialize().catch(() => {});
  const id = crypto.randomUUID();
  calls.set(id, client);
  client.on(
    "connectionChange",
    ({ page }) => page === "closed" && calls.delete(id) && void client.disconnect(),
  );
  return Response.json({ id, sdp: answered });
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"] ?? 8322),
  routes: {
    "/": () => new Response(PAGE, { headers: { "content-type": "text/html" } }),
    "/talk/client.js": async () =>
      new Response(await talkPageScript(), { headers: { "content-type": "text/javascript" } }),
    "/talk/offer": { POST: answer },
    "/talk/:id": {
      DELETE: async (request) => {
        if (isOwn(request)) await calls.get(request.params.id)?.disconnect();
        return new Response();
      },
    },
  },
});
process.stdout.write(`open ${server.url.href}\n`);
