/* One large file to the server, part by part (tus 1.0.0): it survives lost connections, pauses,
   and, because the server remembers how far it is, a reload. */

const PART_BYTES = 8 * 2 ** 20;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;

const sleep = (ms) =>
  new Promise((done) => {
    const timer = setTimeout(finish, ms);
    function finish() {
      clearTimeout(timer);
      window.removeEventListener("online", finish);
      done();
    }
    window.addEventListener("online", finish);
  });

const encoded = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

/* Browsers hash only on https and on this machine; elsewhere parts travel without. */
async function checksum(part) {
  if (!window.crypto?.subtle) return null;
  const digest = await window.crypto.subtle.digest("SHA-256", await part.arrayBuffer());
  return `sha256 ${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
}

export class Refused extends Error {}
export class Stopped extends Error {}

export class Parts {
  /* `address` takes POST; `token` is the page's CSRF token; `known` is the id of an upload that
     was begun before; `onProgress(bytes)` and `onWaiting(isWaiting)` are told what happens. */
  constructor(file, name, { address, token, metadata, known, onProgress, onWaiting }) {
    Object.assign(this, { file, name, address, token, metadata, onProgress, onWaiting });
    this.base = address.replace(/\?.*$/, "");
    this.id = known ?? null;
    this.offset = 0;
    this.paused = false;
    this.stopped = false;
    this.request = null;
    this.wake = null;
  }

  /* Sends what is missing; resolves with the upload's id. */
  async send() {
    let wait = FIRST_WAIT_MS;
    for (;;) {
      if (this.stopped) throw new Stopped();
      if (this.paused) await new Promise((wake) => (this.wake = wake));
      if (this.stopped) throw new Stopped();
      try {
        if (!(await this.step())) return this.id;
        wait = FIRST_WAIT_MS;
        this.onWaiting(false);
      } catch (error) {
        if (error instanceof Refused) throw error;
        if (this.paused || this.stopped) continue;
        this.located = false;
        this.onWaiting(true);
        await sleep(wait);
        wait = Math.min(2 * wait, LONGEST_WAIT_MS);
      }
    }
  }

  pause() {
    this.paused = true;
    this.located = false;
    this.request?.abort();
  }

  resume() {
    this.paused = false;
    this.wake?.();
    this.wake = null;
  }

  /* Gives the upload up: what came of it is thrown away. */
  async stop() {
    this.stopped = true;
    this.request?.abort();
    this.resume();
    if (this.id) await this.ask("DELETE", `${this.base}/${this.id}`);
  }

  /* One request; false once nothing is left to do. */
  async step() {
    if (!this.id) await this.make();
    if (!this.located) await this.locate();
    if (!this.id) return true;
    this.onProgress(this.offset);
    if (this.offset >= this.file.size) return false;
    await this.part();
    return this.offset < this.file.size;
  }

  async make() {
    const said = { filename: this.name, ...this.metadata };
    const pairs = Object.entries(said).map(([key, value]) => `${key} ${encoded(String(value))}`);
    const made = await this.ask("POST", this.address, {
      "Upload-Length": String(this.file.size),
      "Upload-Metadata": pairs.join(","),
    });
    this.id = new URL(made.getResponseHeader("Location"), window.location).pathname.split("/").pop();
    this.offset = 0;
    this.located = true;
  }

  async locate() {
    const found = await this.ask("HEAD", `${this.base}/${this.id}`, {}, null, [404, 410]);
    if (found.status >= 400) {
      this.id = null;
      return;
    }
    this.offset = Number(found.getResponseHeader("Upload-Offset"));
    this.located = true;
  }

  async part() {
    const part = this.file.slice(this.offset, this.offset + PART_BYTES);
    const headers = {
      "Upload-Offset": String(this.offset),
      "Content-Type": "application/offset+octet-stream",
    };
    const sum = await checksum(part);
    if (sum) headers["Upload-Checksum"] = sum;
    if (this.paused || this.stopped) throw new Error("called off");
    const sent = await this.ask("PATCH", `${this.base}/${this.id}`, headers, part, [409, 423, 460]);
    if (sent.status === 204) {
      this.offset = Number(sent.getResponseHeader("Upload-Offset"));
      this.onProgress(this.offset);
    } else {
      throw new Error("the server is elsewhere: ask how far it is");
    }
  }

  ask(method, address, headers = {}, body = null, allowed = []) {
    return new Promise((good, bad) => {
      const request = new XMLHttpRequest();
      if (method === "PATCH" || method === "POST") this.request = request;
      request.open(method, address);
      request.setRequestHeader("Tus-Resumable", "1.0.0");
      request.setRequestHeader("X-CSRFToken", this.token);
      Object.entries(headers).forEach(([name, value]) => request.setRequestHeader(name, value));
      if (body) {
        const from = this.offset;
        request.upload.addEventListener("progress", (step) => this.onProgress(from + step.loaded));
      }
      request.addEventListener("load", () => {
        if (request.status < 300 || allowed.includes(request.status)) return good(request);
        if (request.status === 429 || request.status >= 500) {
          return request.status === 507 ? bad(refusal(request)) : bad(new Error("unavailable"));
        }
        return bad(refusal(request));
      });
      request.addEventListener("error", () => bad(new Error("no connection")));
      request.addEventListener("abort", () => bad(new Error("called off")));
      request.send(body);
    });
  }
}

function refusal(request) {
  try {
    const problem = JSON.parse(request.responseText);
    return new Refused(`${problem.detail} (${problem.code})`);
  } catch {
    return new Refused(`HTTP ${request.status}`);
  }
}
