/* Calls to the page's own endpoints. A refusal becomes `Refused`, a dead line stays what fetch throws. */

export class Refused extends Error {
  constructor(status, said) {
    super(said.message ?? "");
    this.status = status;
    this.said = said;
  }
}

const TOKEN = "#annotate input[name=csrfmiddlewaretoken]";
const token = () => document.querySelector(TOKEN).value;

const isJson = (response) => response.headers.get("Content-Type")?.includes("json") ?? false;

export function createServer(here) {
  const address = (id, rest) => here.replace(/\d+\/$/, `${id}/${rest}`);

  async function answer(response) {
    /* The sign-in page instead of an answer: the session has ended. */
    if (response.redirected) throw new Refused(401, {});
    if (response.status >= 502) throw new TypeError(`${response.status}`);
    const said = isJson(response) ? await response.json() : {};
    if (!response.ok) throw new Refused(response.status, said);
    return said;
  }

  /* After signing in again in another window the page's token is an old one: fetch it anew. */
  async function renew() {
    const response = await fetch(location.href);
    if (response.redirected) throw new Refused(401, {});
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    document.querySelector(TOKEN).value = page.querySelector(TOKEN)?.value ?? "";
  }

  async function send(id, rest, said, keepalive) {
    return fetch(address(id, rest), {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
      body: JSON.stringify(said),
      keepalive,
    });
  }

  return {
    address,
    get: async (id) =>
      answer(await fetch(address(id, "record.json"), { headers: { Accept: "application/json" } })),
    async post(id, rest, said = {}, keepalive = false) {
      const response = await send(id, rest, said, keepalive);
      const refused = response.status === 403 && !isJson(response);
      if (!refused || keepalive) return answer(response);
      await renew();
      return answer(await send(id, rest, said, keepalive));
    },
  };
}
