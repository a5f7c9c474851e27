/** Why a request is not answered as it wished; becomes a small JSON answer with `status`. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }

  response(): Response {
    return Response.json({ error: this.message }, { status: this.status, headers: this.headers });
  }
}
