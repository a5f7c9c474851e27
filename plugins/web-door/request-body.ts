import { Refusal } from "./refusal.ts";

/** A request with its whole body in memory, at most `maxBytes` (else 413) and read before `signal` aborts (else 408). */
export async function withBody(request: Request, maxBytes: number, signal: AbortSignal): Promise<Request> {
  const tooLarge = () =>
    new Refusal(413, `the body is larger than ${maxBytes} bytes`, { connection: "close" });
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > maxBytes) throw tooLarge();
  if (!request.body) return request;
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body.getReader();
  const late = Promise.withResolvers<never>();
  const giveUp = () => late.reject(new Refusal(408, "the body came too slowly", { connection: "close" }));
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late.promise]);
      if (done) break;
      size += value.byteLength;
      if (size > maxBytes) throw tooLarge();
      chunks.push(value);
    }
  } catch (error) {
    void reader.cancel().catch(() => {});
    throw error instanceof Refusal ? error : new Refusal(400, "the body broke off");
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
  const { method, headers, url } = request;
  return new Request(url, { method, headers, body: Buffer.concat(chunks), signal: request.signal });
}
