import type { Scene } from "./scene.ts";
import type { Misbehaviour } from "./source.ts";

/** The next few requests are met by it: sometimes more of them than a run makes attempts. */
export function misbehave(scene: Scene, answer: Misbehaviour, times = scene.random.between(1, 5)): void {
  let left = times;
  scene.source.misbehaviour = (request, response) => {
    if (left <= 0) return false;
    left -= 1;
    return answer(request, response);
  };
}

export function statusAnswer({ random }: Scene): Misbehaviour {
  return (_request, response) => {
    const status = random.one([500, 502, 503, 429]);
    const later: Record<string, string> = random.chance(0.5) ? { "retry-after": "0" } : {};
    response.writeHead(status, later).end("not now");
    return true;
  };
}

/** An answer that ends in the middle of its body. */
export const cutAnswer: Misbehaviour = (_request, response) => {
  const body = '{"data":[{"id":1,"version":1,"updated_at":"2026-';
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length + 500 });
  response.write(body, () => response.destroy());
  return true;
};
