import type { TalkSession as Session } from "./talk-session.ts";

const [call, state, problem, words] = ["call", "state", "problem", "words"].map((id) =>
  document.getElementById(id)!,
) as [HTMLElement, HTMLElement, HTMLElement, HTMLElement];
let session: Session | undefined;

call.onclick = () => {
  problem.textContent = "";
  if (session) return session.close();
  start().catch((error: unknown) => (problem.textContent = (error as Error).message));
};

async function start(): Promise<void> {
  call.setAttribute("disabled", "");
  state.textContent = "connecting";
  try {
    // Of the same address whoever serves this page.
    const path = "/talk/client.js";
    const { TalkSession } = (await import(path)) as { TalkSession: typeof Session };
    session = await TalkSession.start({ mode: "own" });
    listen(session);
    call.textContent = "Hang up";
  } catch (error) {
    state.textContent = "";
    throw error;
  } finally {
    call.removeAttribute("disabled");
  }
}

function listen(talk: Session): void {
  const on = (type: string, run: (detail: Record<string, unknown>) => void) =>
    talk.addEventListener(type, (event) => run((event as CustomEvent<Record<string, unknown>>).detail));
  on("state", (detail) => {
    state.textContent = String(detail["state"]);
    if (detail["state"] !== "closed") return;
    session = undefined;
    call.textContent = "Call";
  });
  on("error", ({ message }) => (problem.textContent = String(message)));
  for (const who of ["heard", "transcript"])
    on(who, ({ text, final }) => {
      if (final !== true) return;
      const line = document.createElement("li");
      line.dataset["who"] = who;
      line.textContent = String(text);
      words.append(line);
    });
}
