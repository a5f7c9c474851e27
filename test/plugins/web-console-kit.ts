import type { Camera, Drive, Picture, Services } from "myna";
import type { TestRobot, TestRobotOptions } from "myna/testing";
import type {
  Ask,
  FromRobot,
  Lists,
  Own,
  Reply,
  Steering,
  TapEvent,
  Values,
} from "../../plugins/web-console/wire.ts";
import { ScriptedBody } from "../fixtures/scripted-body.ts";
import { PageSocket, startDoor } from "./web-door-kit.ts";

/** Wheels that write down what they are told. */
export class NotedDrive implements Drive {
  readonly steered: Parameters<Drive["steer"]>[0][] = [];
  readonly stops: string[] = [];
  pose() {
    return { x_m: 0, y_m: 0, heading_deg: 0, moving: false };
  }
  move(): Promise<never> {
    return Promise.reject(new Error("nobody asked for a motion"));
  }
  turn(): Promise<never> {
    return Promise.reject(new Error("nobody asked for a turn"));
  }
  steer(intent: Parameters<Drive["steer"]>[0]): void {
    this.steered.push(intent);
  }
  stop(reason: string): void {
    this.stops.push(reason);
  }
}

/** A camera that shows what the test hands it. */
export class HandedCamera implements Camera {
  readonly watchers = new Set<(picture: Picture) => void>();
  capture(): Promise<Picture> {
    return Promise.resolve(picture(1));
  }
  onPicture(handler: (picture: Picture) => void): () => void {
    this.watchers.add(handler);
    return () => this.watchers.delete(handler);
  }
  show(number: number): void {
    for (const watch of this.watchers) watch(picture(number));
  }
}

function picture(number: number): Picture {
  return { jpeg: new Uint8Array([0xff, 0xd8, number]), width: 4, height: 4 };
}

/** A page's end of the socket, with what it knows. */
export class TestPage implements Disposable {
  readonly values: Partial<Values> = {};
  readonly lists: { [L in keyof Lists]: Map<string, Lists[L]> } = {
    talk: new Map(),
    turns: new Map(),
    plugins: new Map(),
    log: new Map(),
    path: new Map(),
  };
  own: Own | undefined;
  readonly tapped: TapEvent[] = [];
  readonly replies: Reply[] = [];
  readonly steerings: Steering["state"][] = [];
  readonly pictures: Uint8Array[] = [];
  readonly sizes: number[] = [];
  readonly line: PageSocket;
  #numbers = 0;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.line = new PageSocket(new URL("console/socket", url).href, {
      origin: new URL(url).origin,
      ...headers,
    });
    this.line.socket.addEventListener("message", ({ data }) => this.#take(data as string | ArrayBuffer));
  }

  tell(ask: Ask): void {
    this.line.socket.send(JSON.stringify(ask));
  }

  drive(speed: number, steer = 0, sentAtMs = performance.now()): void {
    this.tell({ type: "drive", speed, steer, sent_at_ms: sentAtMs });
  }

  async ask(ask: Extract<Ask, { n?: number | undefined }>): Promise<Reply> {
    const n = ++this.#numbers;
    this.tell({ ...ask, n } as Ask);
    return await this.until(() => this.replies.find(({ to }) => to === n));
  }

  /** The first value that is neither undefined nor false. */
  async until<T>(condition: () => T | undefined | false, limitMs = 8000): Promise<T> {
    const endMs = performance.now() + limitMs;
    for (;;) {
      const value = condition();
      if (value !== undefined && value !== false) return value;
      if (performance.now() > endMs) throw new Error(`not so within ${limitMs} ms: ${condition}`);
      await Bun.sleep(5);
    }
  }

  [Symbol.dispose](): void {
    this.line.socket.close();
  }

  #take(data: string | ArrayBuffer): void {
    this.sizes.push(typeof data === "string" ? data.length : data.byteLength);
    if (typeof data !== "string") return void this.pictures.push(new Uint8Array(data));
    const message = JSON.parse(data) as FromRobot;
    if (message.type === "reply") this.replies.push(message);
    if (message.type === "steering") this.steerings.push(message.state);
    if (message.type !== "update") return;
    if (message.own) this.own = message.own;
    Object.assign(this.values, message.set);
    for (const [list, entries] of Object.entries(message.put ?? {}))
      for (const { key, value } of entries) this.lists[list as keyof Lists].set(key, value as never);
    this.tapped.push(...(message.tap ?? []));
  }
}

/** A robot with a door, a console and a body that the test plays. */
export async function startConsole(
  options: TestRobotOptions & { console?: Record<string, unknown>; door?: Record<string, unknown> } = {},
): Promise<
  {
    robot: TestRobot;
    url: string;
    drive: NotedDrive;
    body: ScriptedBody;
    camera: HandedCamera;
    open(headers?: Record<string, string>): Promise<TestPage>;
  } & AsyncDisposable
> {
  const drive = new NotedDrive();
  const body = new ScriptedBody();
  const camera = new HandedCamera();
  body.tell();
  const services: Partial<Services> = { drive, body, camera, ...options.services };
  const { console: table, door, ...rest } = options;
  const web = await startDoor(door, {
    ...rest,
    services,
    plugins: { console: { use: "web-console", ...table }, ...options.plugins },
  });
  return {
    robot: web.robot,
    url: web.url,
    drive,
    body,
    camera,
    async open(headers) {
      const page = new TestPage(web.url, headers);
      await page.until(() => page.values.robot);
      return page;
    },
    [Symbol.asyncDispose]: () => web.robot.stop(),
  };
}
