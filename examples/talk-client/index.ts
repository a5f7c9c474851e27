import { createTalkClient, talkPageScript } from "myna/talk";
import type { TalkClient } from "myna/talk";

const PAGE = `<!doctype html><title>Talk</title><button>Talk</button><ol></ol><script type="module">
  import { TalkSession } from "/talk/client.js";
  document.querySelector("button").onclick = async () => {
    const session = await TalkSession.start({ mode: "own" });
    for (const type of ["heard", "transcript"]) session.addEventListener(type, ({ detail }) =>
      detail.final && document.querySelector("ol").append(Object.assign(document.createElement("li"), { textContent: detail.text })));
  };
</script>`;

const calls = new Map<string, TalkClient>();

/** Answers a page's offer with a conversation of its own. */
async function answer(request: Request): Promise<Response> {
  const { sdp } = (await request.json()) as { sdp: string };
  const client = createTalkClient({ url: process.env["REALTIME_URL"], bindAddress: "127.0.0.1" });
  client.on("transcript", ({ role, text, final }) =>
    client.tellPage({ type: role === "user" ? "heard" : "transcript", text, final }),
  );
  const answered = await client.handleWebRTCOffer(sdp);
  void client.initialize();
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
    "/talk/:id": { DELETE: async ({ params }) => (await calls.get(params.id)?.disconnect(), new Response()) },
  },
});
process.stdout.write(`open ${server.url.href}\n`);
