/* Calls to the page's own endpoints. A refusal becomes `Refused`, a dead line stays what fetch throws. */

export class Refused extends Error {
  constructor(status, said) {
    super(said.message ?? "");
    this.status = status;
    this.said = said;
  }
}

const token = () => document.querySelector("#annotate input[name=csrfmiddlewaretoken]").value;

export function createServer(here) {
  const address = (id, rest) => here.replace(/\d+\/$/, `${id}/${rest}`);

  async function answer(response) {
    /* The sign-in page instead of an answer: the session has ended. */
    if (response.redirected) throw new Refused(401, {});
    if (response.status >= 502) throw new TypeError(`${response.status}`);
    const json = response.headers.get("Content-Type")?.includes("json");
    const said = json ? await response.json() : {};
    if (!response.ok) throw new Refused(response.status, said);
    return said;
  }

  return {
    address,
    get: async (id) =>
      answer(await fetch(address(id, "record.json"), { headers: { Accept: "application/json" } })),
    post: async (id, rest, said = {}, keepalive = false) =>
      answer(
        await fetch(address(id, rest), {
          method: "POST",
          headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
          body: JSON.stringify(said),
          keepalive,
        }),
      ),
  };
}
