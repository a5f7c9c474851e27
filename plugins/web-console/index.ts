import { join } from "node:path";
import { definePlugin } from "myna";
import type { LogLine, WebPeer } from "myna";
import { z } from "zod";
import { onlyLooks, readAsk } from "./asks.ts";
import { Controls } from "./controls.ts";
import { Conversation } from "./conversation.ts";
import { Gauges } from "./gauges.ts";
import { Helm } from "./helm.ts";
import { LiveModel, newMemory } from "./live-model.ts";
import { PageFiles } from "./page-files.ts";
import { Pictures } from "./pictures.ts";
import { watchStatus } from "./status.ts";
import { Tap } from "./tap.ts";
import { Viewer, pictureMessage } from "./viewer.ts";
import { LEASE_MS } from "./wire.ts";
import type { Ask } from "./wire.ts";

/** How often pages are told what is new, and how often counters are read. */
const TELL_PERIOD_MS = 50;
const COUNT_PERIOD_MS = 500;
/** A page that is open sends more than this only in a fault. */
const MESSAGES_PER_S = 200;
const MESSAGE_BYTES = 8192;
/** Pages open at once. */
const VIEWERS = 16;
/** Stops that follow each other within this are one. */
const STOP_NOTE_MS = 2000;
const YEAR_S = 31_536_000;
const CLOSE_POLICY = 1008;
const CLOSE_BUSY = 1013;

const config = z.object({
  /** Metres per second at the full throw of a key, a stick or a pad. */
  max_speed_mps: z.number().min(0.05).max(0.6).default(0.4),
  /** Pictures a second for each page. */
  camera_fps: z.number().min(1).max(10).default(5),
});

/** The robot's page: see it, talk to it, drive it, stop it. */
export default definePlugin({
  name: "web-console",
  config,
  requires: ["web"],
  state: newMemory,
  setup(ctx) {
    const { max_speed_mps, camera_fps } = ctx.config;
    const web = ctx.use("web");
    const model = new LiveModel(ctx.state);
    const conversation = new Conversation(ctx, model);
    const gauges = new Gauges(ctx, model, ctx.id);
    const controls = new Controls(ctx, ctx.id);
    const tap = new Tap();
    const page = new PageFiles(ctx.log);
    const viewers = new Set<Viewer>();
    let numbers = 0;
    let ready = false;
    ctx.on("runtime.ready", () => void (ready = true));
    let stoppedAtMs = -Infinity;
    let untap: (() => void) | undefined;
    let work: (() => void)[] = [];

    watchStatus(ctx, model);
    ctx.host.onLog((line: LogLine) => model.put("log", crypto.randomUUID(), line));

    const helm = new Helm(
      {
        steer: (intent) => ctx.use("drive").steer(intent),
        stop: (reason) => ctx.has("drive") && ctx.use("drive").stop(reason),
      },
      max_speed_mps,
    );
    const pictures = new Pictures(ctx, (picture) => {
      gauges.seen();
      const message = pictureMessage(picture);
      // A little less than the period: a camera of the same rate would lose every second picture to jitter.
      for (const viewer of viewers) viewer.show(message, 800 / camera_fps, performance.now());
    });
    const hands = () => [...viewers].map(({ hand }) => hand);
    const describeRobot = () => {
      const hearing = ctx.has("brain") ? ctx.use("brain").hearing() : { available: true };
      model.set("robot", {
        profile: ctx.report().profile,
        ready,
        build: page.build,
        hearing,
        has: {
          drive: ctx.has("drive"),
          body: ctx.has("body"),
          head: ctx.has("head"),
          camera: ctx.has("camera"),
          world: ctx.has("world"),
        },
        max_speed_mps,
        camera_fps,
      });
    };
    const count = () => {
      describeRobot();
      gauges.readSlow();
      pictures.want(
        [...viewers].some((viewer) => viewer.wantsPictures),
        performance.now(),
      );
    };
    const tell = () => {
      const nowMs = performance.now();
      helm.expire(nowMs);
      gauges.readFast();
      // Whoever stopped it: a key that is held now drives no further, not even after the release.
      if (model.get("body")?.latched) helm.stopped(hands(), nowMs);
      for (const viewer of viewers) tellOne(viewer, nowMs);
    };
    const tellOne = (viewer: Viewer, nowMs: number) => {
      const driver = helm.driving;
      const { role } = viewer.peer.caller;
      const own = {
        role: role === "operator" ? role : ("viewer" as const),
        driven: driver !== null,
        mine: driver === viewer.hand.id,
      };
      viewer.tell(model, tap, own, nowMs);
    };
    const tapWhereWanted = () => {
      const wanted = [...viewers].some((viewer) => viewer.filter !== null);
      if (wanted) untap ??= ctx.tap((topic, event) => tap.take(topic, event));
      else untap = void untap?.();
    };
    /** Nothing is measured while nobody looks. */
    const workWhereWanted = () => {
      if (viewers.size > 0 && work.length === 0) {
        count();
        gauges.readFast();
        work = [gauges.listen(), ctx.every(TELL_PERIOD_MS, tell), ctx.every(COUNT_PERIOD_MS, count)];
      } else if (viewers.size === 0) {
        for (const undo of work.splice(0)) undo();
        pictures.stop();
      }
    };
    const stopAll = (reason: string) => {
      controls.emergencyStop(reason);
      helm.stopped(hands(), performance.now());
      // The page asks by two ways at once.
      if (performance.now() - stoppedAtMs > STOP_NOTE_MS)
        conversation.note("stopped: everything stands still until it is released", "bad");
      stoppedAtMs = performance.now();
    };

    /** Answers a reply's message; rejects where the robot refuses. */
    const act = async (viewer: Viewer, ask: Ask): Promise<void> => {
      switch (ask.type) {
        case "text":
          return conversation.typed(ask.text, () => controls.say(ask.text));
        case "talk":
          viewer.talking = ask.talking;
          return controls.talk(ask.talking);
        case "mute":
          return controls.mute(ask.muted);
        case "halt":
          return helm.letGo(viewer.hand, "the dead-man key was let go");
        case "look":
          return await controls.look(ask.pan_deg, ask.tilt_deg);
        case "stop":
          return stopAll("the stop button of the console was pressed");
        case "release":
          await controls.release();
          return conversation.note("released: the robot may move again", "good");
        case "interrupt":
          return controls.interrupt();
        case "plugin":
          await controls.plugin(ask);
          return count();
        case "tap":
          viewer.tap(ask.filter, tap);
          return tapWhereWanted();
        case "camera":
          viewer.wantsPictures = ask.on;
          return count();
      }
    };
    const refused = (viewer: Viewer, ask: Ask, error: unknown) => {
      const { message } = error as Error;
      viewer.reply("n" in ask ? ask.n : undefined, false, message);
    };

    const message = (viewer: Viewer, text: string): void => {
      const read = readAsk(text);
      if ("problem" in read) return viewer.peer.close(CLOSE_POLICY, read.problem.slice(0, 100));
      const { ask } = read;
      const to = "n" in ask ? ask.n : undefined;
      if (!viewer.operates && !onlyLooks(ask)) return viewer.reply(to, false, "a viewer may only look");
      const nowMs = performance.now();
      if (ask.type === "ping") return viewer.pong(ask.sent_at_ms, nowMs);
      if (ask.type === "drive") {
        const { speed, steer, sent_at_ms } = ask;
        const steered = helm.steer(viewer.hand, { speed, steer, sentAtMs: sent_at_ms }, nowMs);
        return viewer.steered(steered, steered === "refused" ? helm.refusal : undefined);
      }
      act(viewer, ask).then(
        () => viewer.reply(to, true),
        (error: unknown) => refused(viewer, ask, error),
      );
    };

    const open = (peer: WebPeer) => {
      const viewer = new Viewer(peer, ++numbers, performance.now());
      if (viewers.size >= VIEWERS) {
        peer.close(CLOSE_BUSY, "too many pages are open");
        return { message: () => {}, closed: () => {} };
      }
      viewers.add(viewer);
      workWhereWanted();
      tellOne(viewer, performance.now());
      return {
        message: (text: string) => message(viewer, text),
        closed() {
          viewers.delete(viewer);
          helm.letGo(viewer.hand, "the page that drove is gone");
          if (viewer.talking) controls.talk(false);
          tapWhereWanted();
          workWhereWanted();
        },
      };
    };
    ctx.defer(() => {
      for (const { hand } of viewers) helm.letGo(hand, "the console is reloaded");
      pictures.stop();
    });

    const serve = async (name: string, request: Request): Promise<Response> => {
      const found = await page.find(name);
      if (!found) return new Response("there is no such file\n", { status: 404 });
      const { file, folder } = found;
      const packed = file.gzip && (request.headers.get("accept-encoding") ?? "").includes("gzip");
      const hashed = /-[a-z0-9]{8}\./.test(file.path);
      return new Response(Bun.file(join(folder, packed ? `${file.path}.gz` : file.path)), {
        headers: {
          "content-type": file.type,
          "cache-control": hashed ? `max-age=${YEAR_S}, immutable` : "no-cache",
          vary: "accept-encoding",
          ...(packed && { "content-encoding": "gzip" }),
        },
      });
    };
    const undos = [
      web.route({
        method: "GET",
        path: "/",
        role: "viewer",
        handle: (request) => serve("index.html", request),
      }),
      web.route({
        method: "GET",
        path: "/assets/*",
        role: "viewer",
        handle: (request) => serve(new URL(request.url).pathname.slice("/assets/".length), request),
      }),
      web.socket({
        path: "/console/socket",
        role: "viewer",
        maxMessageBytes: MESSAGE_BYTES,
        maxMessagesPerSecond: MESSAGES_PER_S,
        open,
      }),
    ];
    for (const undo of undos) ctx.defer(undo);
    ctx.inspect(() => ({
      pages: viewers.size,
      dropped: [...viewers].reduce((sum, viewer) => sum + viewer.dropped, 0),
      driving: helm.driving !== null,
      lease_ms: LEASE_MS,
    }));
  },
});
