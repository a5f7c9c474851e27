import type { WebRoute } from "myna";
import { pageScript } from "./page-script.ts";

const PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Myna</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/talk/page.css"><script type="module" src="/talk/page.js"></script></head>
<body><main><h1>Myna</h1><button id="call" type="button">Call</button><p id="state" role="status"></p>
<p id="problem" role="alert"></p><ol id="words" aria-live="polite"></ol></main></body></html>`;

const STYLE = `
html { color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif; }
body { max-width: 40rem; margin: 8vh auto; padding: 0 1rem; }
button { font: inherit; padding: 0.6rem 2rem; }
ol { padding: 0; list-style: none; }
li[data-who="heard"] { font-style: italic; }
`;

const HEAD = { method: "GET", role: "viewer" } as const;

/** Routes of a page from which one calls, in mode `own`. */
export function callPage(): WebRoute[] {
  return [
    { ...HEAD, path: "/", handle: () => answer(PAGE, "text/html") },
    { ...HEAD, path: "/talk/page.css", handle: () => answer(STYLE, "text/css") },
    { ...HEAD, path: "/talk/page.js", handle: async () => script(await pageScript("call-page")) },
  ];
}

/** An answer that is a script. */
export function script(text: string): Response {
  return answer(text, "text/javascript");
}

function answer(text: string, type: string): Response {
  return new Response(text, { headers: { "content-type": `${type}; charset=utf-8` } });
}
