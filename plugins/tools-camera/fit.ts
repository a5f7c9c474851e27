import { MynaError } from "myna";
import type { Picture } from "myna";

const QUALITY = 70;
const STEP = 0.75;
/** Below this nobody recognises anything. */
const SMALLEST_PX = 32;

/** The picture with its longer side at most `maxSidePx` and at most `maxBytes` of JPEG; itself where it is. */
export async function fit(picture: Picture, maxSidePx: number, maxBytes: number): Promise<Picture> {
  const side = Math.max(picture.width, picture.height);
  if (side <= maxSidePx && picture.jpeg.length <= maxBytes) return picture;
  for (let scale = Math.min(1, maxSidePx / side); side * scale >= SMALLEST_PX; scale *= STEP) {
    const width = Math.max(1, Math.round(picture.width * scale));
    const height = Math.max(1, Math.round(picture.height * scale));
    const jpeg = await new Bun.Image(picture.jpeg).resize(width, height).jpeg({ quality: QUALITY }).bytes();
    if (jpeg.length <= maxBytes) return { ...picture, jpeg, width, height };
  }
  throw new MynaError("DEVICE_FAILED", `the picture does not fit into ${maxBytes} bytes`);
}
