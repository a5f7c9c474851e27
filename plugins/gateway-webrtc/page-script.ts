const scripts = new Map<string, Promise<string>>();

/** The browser's side as the text of an ES module that exports `TalkSession`; it calls `/talk/offer` of its own site. */
export function talkPageScript(): Promise<string> {
  return pageScript("talk-session");
}

/** A file of the folder `page` as the text of an ES module; imports of values are by address. */
export function pageScript(name: "talk-session" | "call-page"): Promise<string> {
  let script = scripts.get(name);
  if (!script) scripts.set(name, (script = transpile(name)));
  return script;
}

async function transpile(name: string): Promise<string> {
  const source = await Bun.file(`${import.meta.dir}/page/${name}.ts`).text();
  return new Bun.Transpiler({ loader: "ts", target: "browser" }).transformSync(source);
}
