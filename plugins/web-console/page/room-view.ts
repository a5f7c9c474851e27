import { OrthographicCamera, PerspectiveCamera, WebGLRenderer } from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import type { Pose, RoomPlan } from "../wire.ts";
import { connections, lists, onUpdate, values } from "./live.ts";
import { RobotScene } from "./scene.ts";
import type { Palette, Stance } from "./scene.ts";

export type Angle = "room" | "above";

/** Odometry that is off by less than this is not shown apart. */
const GHOST_M = 0.02;
const GHOST_DEG = 2;

/**
 * Draws the robot's room into a canvas, when something has changed or the eye moves. Throws where the browser has no WebGL.
 */
export class RoomView {
  readonly #scene: RobotScene;
  readonly #renderer: WebGLRenderer;
  readonly #canvas: HTMLCanvasElement;
  readonly #eye = new PerspectiveCamera(42, 1, 0.05, 60);
  readonly #above = new OrthographicCamera(-1, 1, 1, -1, 0.1, 30);
  readonly #orbit: OrbitControls;
  readonly #sizes: ResizeObserver;
  readonly #undos: (() => void)[];
  #angle: Angle = "room";
  #frame = 0;
  #sized = false;
  #room = "";
  /** The connection that the path is of. */
  #connection = -1;

  constructor(canvas: HTMLCanvasElement, palette: Palette) {
    this.#canvas = canvas;
    this.#renderer = new WebGLRenderer({ canvas, antialias: true, powerPreference: "low-power" });
    this.#renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.#scene = new RobotScene(palette);
    this.#above.up.set(0, 0, -1);
    this.#orbit = new OrbitControls(this.#eye, canvas);
    this.#orbit.maxPolarAngle = Math.PI / 2 - 0.05;
    this.#orbit.minDistance = 0.5;
    this.#orbit.maxDistance = 14;
    this.#orbit.addEventListener("change", () => this.#ask());
    this.#sizes = new ResizeObserver(() => this.#resize());
    this.#sizes.observe(canvas.parentElement ?? canvas);
    this.#undos = [
      onUpdate(({ set }) => {
        if (set && ("body" in set || "truth" in set || "room" in set)) this.#look();
      }),
    ];
    this.#setRoom(values.room.value ?? undefined);
    this.#look();
    this.#resize();
  }

  show(angle: Angle): void {
    this.#angle = angle;
    this.#orbit.enabled = angle === "room";
    this.#ask();
  }

  paint(palette: Palette): void {
    this.#scene.paint(palette);
    this.#scene.room(values.room.value ?? undefined);
    this.#ask();
  }

  clearPath(): void {
    this.#scene.clearPath();
    this.#ask();
  }

  /** The eye to where it began. */
  home(): void {
    const { x, y, radius } = this.#scene.middle;
    this.#orbit.target.set(x, 0, -y);
    // A narrow window looks along the room, a wide one across it.
    if (this.#eye.aspect < 1) this.#eye.position.set(x - radius * 2.1, radius * 2.3, -y);
    else this.#eye.position.set(x - radius * 0.5, radius * 1.3, -y + radius * 1.5);
    this.#orbit.update();
    this.#ask();
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    for (const undo of this.#undos) undo();
    this.#sizes.disconnect();
    this.#orbit.dispose();
    this.#renderer.dispose();
  }

  #look(): void {
    const { body, truth, room } = values;
    const plan = room.value ?? undefined;
    this.#setRoom(plan);
    if (this.#connection !== connections.value) {
      this.#connection = connections.value;
      this.#scene.startPath(lists.path.value.map(({ value }) => value));
    }
    const believed = body.value && seenFrom(plan?.start, body.value.pose);
    const stance: Stance | undefined = truth.value
      ? truth.value
      : believed && { ...believed, pan_deg: body.value!.head.pan_deg, tilt_deg: body.value!.head.tilt_deg };
    if (!stance) return;
    this.#scene.place(stance);
    if (!plan) this.#follow(stance);
    this.#scene.distance(stance, body.value?.distance_m ?? null);
    this.#scene.ghost(truth.value && believed && apart(truth.value, believed) ? believed : undefined);
    this.#ask();
  }

  /** The eye goes along with a robot whose room nobody knows. */
  #follow({ x_m, y_m }: Stance): void {
    const { target } = this.#orbit;
    this.#eye.position.x += x_m - target.x;
    this.#eye.position.z += -y_m - target.z;
    target.set(x_m, 0, -y_m);
    this.#orbit.update();
  }

  #setRoom(plan: RoomPlan | undefined): void {
    const json = JSON.stringify(plan ?? null);
    if (json === this.#room) return;
    this.#room = json;
    this.#scene.room(plan);
    this.#connection = -1;
    this.home();
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.#canvas.parentElement ?? this.#canvas;
    if (clientWidth === 0 || clientHeight === 0) return;
    const first = !this.#sized;
    this.#sized = true;
    this.#renderer.setSize(clientWidth, clientHeight, false);
    this.#eye.aspect = clientWidth / clientHeight;
    this.#eye.updateProjectionMatrix();
    if (first) this.home();
    this.#ask();
  }

  #ask(): void {
    // Where it cannot be seen nothing is drawn; showing it again changes its size.
    if (this.#canvas.clientWidth === 0) return;
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#frame = 0;
    if (this.#angle === "above") {
      const { x, y, radius } = this.#scene.middle;
      const { aspect } = this.#eye;
      const half = radius * 1.12;
      const [wide, high] = aspect > 1 ? [half * aspect, half] : [half, half / aspect];
      Object.assign(this.#above, { left: -wide, right: wide, top: high, bottom: -high });
      this.#above.position.set(x, 10, -y);
      this.#above.lookAt(x, 0, -y);
      this.#above.updateProjectionMatrix();
    }
    this.#renderer.render(this.#scene.scene, this.#angle === "above" ? this.#above : this.#eye);
    this.#canvas.dataset["drawn"] = String(Number(this.#canvas.dataset["drawn"] ?? 0) + 1);
  }
}

/** Dead reckoning starts at zero: as seen in the room, where its start is known. */
function seenFrom(start: Pose | undefined, pose: Pose): Pose {
  if (!start) return pose;
  const heading = (start.heading_deg * Math.PI) / 180;
  return {
    x_m: start.x_m + pose.x_m * Math.cos(heading) - pose.y_m * Math.sin(heading),
    y_m: start.y_m + pose.x_m * Math.sin(heading) + pose.y_m * Math.cos(heading),
    heading_deg: start.heading_deg + pose.heading_deg,
  };
}

function apart(a: Pose, b: Pose): boolean {
  const turned = Math.abs(((a.heading_deg - b.heading_deg + 540) % 360) - 180);
  return Math.hypot(a.x_m - b.x_m, a.y_m - b.y_m) > GHOST_M || turned > GHOST_DEG;
}
