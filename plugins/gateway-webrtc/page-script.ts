let script: Promise<string> | undefined;

/** The browser's side as the text of an ES module that exports `TalkSession`; it calls `/talk/offer` of its own site. */
export function talkPageScript(): Promise<string> {
  return (script ??= transpile());
}

async function transpile(): Promise<string> {
  const source = await Bun.file(`${import.meta.dir}/page/talk-session.ts`).text();
  return new Bun.Transpiler({ loader: "ts", target: "browser" }).transformSync(source);
}
