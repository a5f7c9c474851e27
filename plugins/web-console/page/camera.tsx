import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { pageNow, stale, values } from "./live.ts";
import { keepTelling, picture } from "./robot.ts";
import { span } from "./format.ts";

/** Pictures come several times a second. */
const SILENT_MS = 2500;

/** The camera's picture, asked for only while it can be seen. */
export function Camera() {
  const has = values.robot.value?.has.camera ?? false;
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLElement>(null);
  const large = useSignal(false);
  useEffect(() => {
    if (!has || !frame.current) return;
    let seen = false;
    const want = () => keepTelling({ type: "camera", on: seen && document.visibilityState === "visible" });
    const watcher = new IntersectionObserver(([entry]) => {
      seen = entry?.isIntersecting ?? false;
      want();
    });
    watcher.observe(frame.current);
    document.addEventListener("visibilitychange", want);
    return () => {
      watcher.disconnect();
      document.removeEventListener("visibilitychange", want);
      keepTelling({ type: "camera", on: false });
    };
  }, [has]);
  useEffect(
    () =>
      picture.subscribe((newest) => {
        if (!newest) return;
        void createImageBitmap(newest.jpeg).then((bitmap) => {
          const target = canvas.current;
          if (!target) return bitmap.close();
          if (target.width !== bitmap.width) target.width = bitmap.width;
          if (target.height !== bitmap.height) target.height = bitmap.height;
          target.getContext("2d")?.drawImage(bitmap, 0, 0);
          bitmap.close();
        });
      }),
    [],
  );
  if (!has) return null;
  const atMs = picture.value?.atMs;
  const age = atMs === undefined ? undefined : pageNow.value - atMs;
  const silent = stale.value || age === undefined || age > SILENT_MS;
  return (
    <figure ref={frame} class={`camera ${silent ? "stale" : ""} ${large.value ? "large" : ""}`}>
      <button
        type="button"
        class="camera-button"
        aria-label={large.value ? "Camera picture: make it small" : "Camera picture: make it large"}
        aria-pressed={large.value}
        onClick={() => (large.value = !large.value)}
      >
        <canvas ref={canvas} width={640} height={480} role="img" aria-label="What the camera sees" />
      </button>
      <figcaption>{age === undefined ? "no picture yet" : silent ? `${span(age)} old` : "camera"}</figcaption>
    </figure>
  );
}
