import {
  BoxGeometry,
  BufferAttribute,
  BufferGeometry,
  CircleGeometry,
  Color,
  ConeGeometry,
  CylinderGeometry,
  DirectionalLight,
  DoubleSide,
  EdgesGeometry,
  Group,
  GridHelper,
  HemisphereLight,
  Line,
  LineBasicMaterial,
  LineLoop,
  LineSegments,
  Mesh,
  MeshBasicMaterial,
  MeshStandardMaterial,
  Object3D,
  Scene,
  Shape,
  ShapeGeometry,
  SphereGeometry,
} from "three";
import { Line2 } from "three/examples/jsm/lines/Line2.js";
import { LineGeometry } from "three/examples/jsm/lines/LineGeometry.js";
import { LineMaterial } from "three/examples/jsm/lines/LineMaterial.js";
import type { Pose, RoomPlan } from "../wire.ts";

/** Colours of the two themes. */
export interface Palette {
  background: string;
  floor: string;
  grid: string;
  wall: string;
  body: string;
  accent: string;
  path: string;
  cone: string;
  danger: string;
  ghost: string;
}

/** Where the robot and its head are. */
export interface Stance extends Pose {
  pan_deg: number;
  tilt_deg: number;
}

const WALL_HEIGHT_M = 0.5;
const WALL_THICK_M = 0.04;
const PATH_POINTS = 1500;
const PATH_WIDTH_PX = 3;
/** A new point of the path every 2 cm. */
const PATH_STEP_M = 0.02;
/** HC-SR04's beam is some 15 degrees to either side. */
const CONE_HALF_DEG = 13;
const CONE_STEPS = 16;
/** From the body's centre to the sensor. */
const NOSE_M = 0.12;
const NEAR_M = 0.25;
const FREE_FLOOR_M = 8;
const OBSTACLE_COLOURS: Readonly<Record<string, string>> = {
  red: "#e5484d",
  blue: "#3b82f6",
  green: "#3fa66a",
  yellow: "#eab308",
  white: "#e8eaed",
  black: "#2b2f36",
  brown: "#8d6e4f",
  orange: "#f0883e",
};

/** The robot in its room. The plan's x is to the right, y to the back, heights up; metres. */
export class RobotScene {
  readonly scene = new Scene();
  /** Middle of what there is to see, and half its size. */
  readonly middle = { x: 0, y: 0, radius: 2 };
  readonly #room = new Group();
  readonly #robot = new Group();
  readonly #head = new Group();
  readonly #ghost: LineLoop;
  readonly #cone: Mesh<BufferGeometry, MeshBasicMaterial>;
  readonly #path = new Line2(new LineGeometry(), new LineMaterial({ linewidth: PATH_WIDTH_PX }));
  /** Nobody knows the surroundings: the floor goes along. */
  #free = true;
  readonly #points = new Float32Array(PATH_POINTS * 3);
  #pointCount = 0;
  #palette: Palette;

  constructor(palette: Palette) {
    this.#palette = palette;
    const sun = new DirectionalLight("#ffffff", 2.2);
    sun.position.set(2, 5, 3);
    this.scene.add(new HemisphereLight("#ffffff", "#66707c", 1.9), sun, this.#room, this.#robot);
    const outline = [-0.11, -0.08, 0.13, -0.08, 0.16, 0, 0.13, 0.08, -0.11, 0.08];
    const flat = new Float32Array((outline.length / 2) * 3);
    for (let i = 0; i < outline.length / 2; i++)
      flat.set([outline[2 * i]!, 0.004, -outline[2 * i + 1]!], i * 3);
    this.#ghost = new LineLoop(new BufferGeometry().setAttribute("position", new BufferAttribute(flat, 3)));
    this.#cone = new Mesh(
      new BufferGeometry(),
      new MeshBasicMaterial({ transparent: true, opacity: 0.3, side: DoubleSide, depthWrite: false }),
    );
    this.#path.frustumCulled = false;
    this.#path.visible = false;
    this.scene.add(this.#ghost, this.#cone, this.#path);
    this.paint(palette);
  }

  /** Takes the colours of a theme; `room` has to be told anew. */
  paint(palette: Palette): void {
    this.#palette = palette;
    this.scene.background = new Color(palette.background);
    this.#path.material.color.set(palette.path);
    (this.#ghost.material as LineBasicMaterial).color = new Color(palette.ghost);
    this.#robot.clear();
    this.#robot.add(...robotParts(palette, this.#head));
  }

  /** Undefined is a robot whose surroundings nobody knows: a free floor. */
  room(plan: RoomPlan | undefined): void {
    for (const child of this.#room.children) disposeOf(child);
    this.#room.clear();
    this.#room.position.set(0, 0, 0);
    this.#free = plan === undefined;
    const corners = plan?.walls.flatMap(({ x1, y1, x2, y2 }) => [x1, y1, x2, y2]) ?? [];
    const xs = corners.filter((_, index) => index % 2 === 0);
    const ys = corners.filter((_, index) => index % 2 === 1);
    const half = FREE_FLOOR_M / 2;
    const box =
      plan && xs.length > 0
        ? { x1: Math.min(...xs), x2: Math.max(...xs), y1: Math.min(...ys), y2: Math.max(...ys) }
        : { x1: -half, x2: half, y1: -half, y2: half };
    this.middle.x = (box.x1 + box.x2) / 2;
    this.middle.y = (box.y1 + box.y2) / 2;
    this.middle.radius = Math.max(box.x2 - box.x1, box.y2 - box.y1) / 2;
    this.#room.add(...this.#floor(box));
    if (!plan) return;
    for (const { x1, y1, x2, y2 } of plan.walls) this.#room.add(this.#wall(x1, y1, x2, y2));
    for (const { points } of plan.cliffs)
      this.#room.add(floorShape(points, this.#palette.background, 0.002), rim(points, this.#palette.danger));
    for (const { points, widthM } of plan.lines) this.#room.add(...tape(points, widthM));
    for (const one of plan.obstacles) this.#room.add(obstacle(one));
  }

  place({ x_m, y_m, heading_deg, pan_deg, tilt_deg }: Stance): void {
    this.#robot.position.set(x_m, 0, -y_m);
    this.#robot.rotation.y = radians(heading_deg);
    this.#head.rotation.set(0, radians(pan_deg), radians(tilt_deg), "YZX");
    this.#extendPath(x_m, y_m);
    if (!this.#free) return;
    this.middle.x = Math.round(x_m);
    this.middle.y = Math.round(y_m);
    this.#room.position.set(this.middle.x, 0, -this.middle.y);
  }

  /** Where the robot believes itself to be; undefined hides it. */
  ghost(pose: Pose | undefined): void {
    this.#ghost.visible = pose !== undefined;
    if (!pose) return;
    this.#ghost.position.set(pose.x_m, 0, -pose.y_m);
    this.#ghost.rotation.y = radians(pose.heading_deg);
  }

  /** What the distance sensor sees, from the nose on; null where it sees nothing. */
  distance(pose: Pose, distanceM: number | null): void {
    this.#cone.visible = distanceM !== null;
    if (distanceM === null) return;
    const fan = new Float32Array((CONE_STEPS + 2) * 3);
    const index: number[] = [];
    for (let i = 0; i <= CONE_STEPS; i++) {
      const angle = radians(-CONE_HALF_DEG + (2 * CONE_HALF_DEG * i) / CONE_STEPS);
      fan.set([Math.cos(angle) * distanceM, 0, -Math.sin(angle) * distanceM], (i + 1) * 3);
      if (i > 0) index.push(0, i, i + 1);
    }
    this.#cone.geometry.dispose();
    this.#cone.geometry = new BufferGeometry()
      .setAttribute("position", new BufferAttribute(fan, 3))
      .setIndex(index);
    this.#cone.material.color.set(distanceM < NEAR_M ? this.#palette.danger : this.#palette.cone);
    const heading = radians(pose.heading_deg);
    this.#cone.position.set(
      pose.x_m + Math.cos(heading) * NOSE_M,
      0.05,
      -(pose.y_m + Math.sin(heading) * NOSE_M),
    );
    this.#cone.rotation.y = heading;
  }

  /** Where the robot has been before anybody looked. */
  startPath(points: readonly { x_m: number; y_m: number }[]): void {
    this.clearPath();
    for (const { x_m, y_m } of points) this.#extendPath(x_m, y_m);
  }

  clearPath(): void {
    this.#pointCount = 0;
    this.#path.visible = false;
  }

  #extendPath(x: number, y: number): void {
    const last = (this.#pointCount - 1) * 3;
    if (last >= 0 && Math.hypot(x - this.#points[last]!, -y - this.#points[last + 2]!) < PATH_STEP_M) return;
    if (this.#pointCount === PATH_POINTS) {
      this.#points.copyWithin(0, 3);
      this.#pointCount--;
    }
    this.#points.set([x, 0.008, -y], this.#pointCount++ * 3);
    if (this.#pointCount < 2) return;
    this.#path.geometry.dispose();
    this.#path.geometry = new LineGeometry();
    this.#path.geometry.setPositions(this.#points.subarray(0, this.#pointCount * 3));
    this.#path.visible = true;
  }

  #floor(box: { x1: number; x2: number; y1: number; y2: number }): Object3D[] {
    const corners: [number, number][] = [
      [box.x1, box.y1],
      [box.x2, box.y1],
      [box.x2, box.y2],
      [box.x1, box.y2],
    ];
    const size = Math.ceil(this.middle.radius * 2) + 2;
    const grid = new GridHelper(size, size * 2, this.#palette.grid, this.#palette.grid);
    grid.position.set(Math.round(this.middle.x), -0.004, -Math.round(this.middle.y));
    return [floorShape(corners, this.#palette.floor, -0.008), grid];
  }

  #wall(x1: number, y1: number, x2: number, y2: number): Object3D {
    const length = Math.hypot(x2 - x1, y2 - y1);
    const box = new BoxGeometry(length + WALL_THICK_M, WALL_HEIGHT_M, WALL_THICK_M);
    const wall = new Mesh(
      box,
      new MeshStandardMaterial({
        color: this.#palette.wall,
        transparent: true,
        opacity: 0.42,
        roughness: 0.9,
      }),
    );
    wall.add(new LineSegments(new EdgesGeometry(box), new LineBasicMaterial({ color: this.#palette.wall })));
    wall.position.set((x1 + x2) / 2, WALL_HEIGHT_M / 2, -(y1 + y2) / 2);
    wall.rotation.y = Math.atan2(y2 - y1, x2 - x1);
    return wall;
  }
}

function robotParts(palette: Palette, head: Group): Object3D[] {
  const body = new MeshStandardMaterial({ color: palette.body, roughness: 0.55 });
  const dark = new MeshStandardMaterial({ color: "#15181c", roughness: 0.8 });
  const accent = new MeshStandardMaterial({ color: palette.accent, roughness: 0.4 });
  const chassis = new Mesh(new BoxGeometry(0.22, 0.035, 0.11), body);
  chassis.position.y = 0.05;
  const deck = new Mesh(new BoxGeometry(0.12, 0.03, 0.085), dark);
  deck.position.set(-0.03, 0.083, 0);
  const bumper = new Mesh(new BoxGeometry(0.012, 0.03, 0.12), accent);
  bumper.position.set(0.118, 0.05, 0);
  const wheels = [
    [0.075, 0.068],
    [0.075, -0.068],
    [-0.075, 0.068],
    [-0.075, -0.068],
  ].map(([x, z]) => {
    const wheel = new Mesh(new CylinderGeometry(0.034, 0.034, 0.026, 24), dark);
    wheel.rotation.x = Math.PI / 2;
    wheel.position.set(x!, 0.034, z!);
    return wheel;
  });
  head.clear();
  const skull = new Mesh(new SphereGeometry(0.034, 24, 16), body);
  const beak = new Mesh(new ConeGeometry(0.013, 0.04, 16), accent);
  beak.rotation.z = -Math.PI / 2;
  beak.position.set(0.046, -0.004, 0);
  const eyes = [0.018, -0.018].map((z) => {
    const eye = new Mesh(new SphereGeometry(0.008, 12, 8), new MeshStandardMaterial({ color: "#ffffff" }));
    eye.position.set(0.026, 0.014, z);
    return eye;
  });
  head.add(skull, beak, ...eyes);
  head.position.set(0.085, 0.125, 0);
  const neck = new Mesh(new CylinderGeometry(0.01, 0.01, 0.05, 12), dark);
  neck.position.set(0.085, 0.09, 0);
  return [chassis, deck, bumper, ...wheels, neck, head];
}

function obstacle({ x, y, radius, heightM, color }: RoomPlan["obstacles"][number]): Object3D {
  const paint = new MeshStandardMaterial({ color: OBSTACLE_COLOURS[color] ?? color, roughness: 0.6 });
  const round = heightM <= radius * 2.2;
  const shape = round
    ? new SphereGeometry(radius, 32, 24)
    : new CylinderGeometry(radius, radius * 0.92, heightM, 36);
  const mesh = new Mesh(shape, paint);
  mesh.position.set(x, round ? radius : heightM / 2, -y);
  const shadow = new Mesh(
    new CircleGeometry(radius * 1.15, 36),
    new MeshBasicMaterial({ color: "#000000", transparent: true, opacity: 0.25 }),
  );
  shadow.rotation.x = -Math.PI / 2;
  shadow.position.set(0, 0.003 - mesh.position.y, 0);
  mesh.add(shadow);
  return mesh;
}

function floorShape(points: [number, number][], color: string, y: number): Object3D {
  const shape = new Shape();
  points.forEach(([x, py], index) => (index === 0 ? shape.moveTo(x, py) : shape.lineTo(x, py)));
  const mesh = new Mesh(new ShapeGeometry(shape), new MeshBasicMaterial({ color, side: DoubleSide }));
  mesh.rotation.x = -Math.PI / 2;
  mesh.position.y = y;
  return mesh;
}

function rim(points: [number, number][], color: string): Object3D {
  const flat = new Float32Array(points.flatMap(([x, y]) => [x, 0.006, -y]));
  const edge = new BufferGeometry().setAttribute("position", new BufferAttribute(flat, 3));
  return new LineLoop(edge, new LineBasicMaterial({ color }));
}

/** A line on the floor, piece by piece. */
function tape(points: [number, number][], widthM: number): Object3D[] {
  return points.slice(1).map(([x2, y2], index) => {
    const [x1, y1] = points[index]!;
    const piece = new Mesh(
      new BoxGeometry(Math.hypot(x2 - x1, y2 - y1) + widthM * 0.5, 0.002, widthM),
      new MeshBasicMaterial({ color: "#0b0d10" }),
    );
    piece.position.set((x1 + x2) / 2, 0.002, -(y1 + y2) / 2);
    piece.rotation.y = Math.atan2(y2 - y1, x2 - x1);
    return piece;
  });
}

function disposeOf(object: Object3D): void {
  object.traverse((one) => {
    if (!(one instanceof Mesh || one instanceof Line)) return;
    (one.geometry as BufferGeometry).dispose();
    const material = one.material as MeshBasicMaterial;
    material.dispose();
  });
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
