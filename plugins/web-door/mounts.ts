import { MynaError } from "myna";
import type { WebRoute, WebSocketRoute } from "myna";

type Kind = WebRoute["method"] | "SOCKET";

interface Mount<Route> {
  readonly route: Route;
  /** Aborts when the plugin takes its route back: who still waits for it is sent away. */
  readonly gone: AbortController;
}

/** A route that is answered now. */
export type MountedRoute = Mount<WebRoute>;
/** A web socket that is answered now. */
export type MountedSocket = Mount<WebSocketRoute>;

/** Everything that plugins asked the door to answer, by kind and path. Outlives a reload of the door. */
export type Mounts = Map<string, Mount<WebRoute | WebSocketRoute>>;

const PATH = /^\/([\w.~-]+\/)*([\w.~-]*|\*)$/;

/** The undo works on the table itself, so that it works for whichever version of the door reads the table. */
export function mount(mounts: Mounts, kind: Kind, route: WebRoute | WebSocketRoute): () => void {
  const { path } = route;
  if (!PATH.test(path)) {
    throw new MynaError(
      "ARGUMENT_INVALID",
      `web path "${path}": begins with "/", may end in "/*", plain letters only`,
    );
  }
  const key = `${kind} ${path}`;
  if (mounts.has(key)) throw new MynaError("WEB_PATH_TAKEN", `${key} is answered by another plugin already`);
  const mounted = { route, gone: new AbortController() };
  mounts.set(key, mounted);
  return () => {
    if (mounts.get(key) === mounted) mounts.delete(key);
    mounted.gone.abort();
  };
}

/** The most specific route for a path, or undefined. */
export function findRoute(mounts: Mounts, method: string, path: string): MountedRoute | undefined {
  return find(mounts, method === "HEAD" ? "GET" : method, path) as MountedRoute | undefined;
}

/** The most specific web socket for a path, or undefined. */
export function findSocket(mounts: Mounts, path: string): MountedSocket | undefined {
  return find(mounts, "SOCKET", path) as MountedSocket | undefined;
}

/** What else a path may be asked with: methods, and "SOCKET". */
export function kindsOf(mounts: Mounts, path: string): Kind[] {
  return (["GET", "POST", "DELETE", "SOCKET"] as const).filter((kind) => find(mounts, kind, path));
}

function find(mounts: Mounts, kind: string, path: string): Mount<WebRoute | WebSocketRoute> | undefined {
  const exact = mounts.get(`${kind} ${path}`);
  if (exact) return exact;
  for (let end = path.lastIndexOf("/"); end >= 0; end = path.lastIndexOf("/", end - 1)) {
    const below = mounts.get(`${kind} ${path.slice(0, end)}/*`);
    if (below) return below;
    if (end === 0) return undefined;
  }
  return undefined;
}
