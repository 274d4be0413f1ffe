import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The program that is tested. */
export const program = resolve(process.env.TAGMA_BIN ?? join(import.meta.dirname, "../../../bin/tagma"));

export const programIsThere = () => existsSync(program);

/**
 * A small demo shop in a folder of its own, served by the real program on a free port. It can be stopped and started again
 * at the same address.
 */
export class Shop {
  static async open({ customers = 500 } = {}) {
    const shop = new Shop();
    shop.folder = mkdtempSync(join(tmpdir(), "tagma-browser-"));
    const printed = await shop.#run(["demo", `--customers=${customers}`, "--listen=127.0.0.1:0"]);
    shop.password = /password (\S+)/.exec(printed)?.[1];
    if (!shop.password) throw new Error(`the program told no first password:\n${printed}`);
    return shop;
  }

  /** Stops the server gracefully, and waits until it is gone. */
  async stop() {
    const child = this.child;
    if (!child) return;
    this.child = undefined;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    await gone;
  }

  /** Serves the same shop again, at the same address. */
  async start() {
    await this.#run(["serve", `--listen=${new URL(this.address).host}`]);
  }

  async close() {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Starts the program; resolves with what it printed once it serves. */
  #run(args) {
    const child = spawn(program, ["--data", join(this.folder, "data"), ...args], { stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    // Whatever ends the tests ends the server.
    process.once("exit", () => child.kill("SIGKILL"));
    return new Promise((done, failed) => {
      let printed = "";
      const read = (chunk) => {
        printed += chunk;
        const address = /serves .* at (http:\/\/[\d.:]+)[\s\S]*Ctrl-C/.exec(printed);
        if (!address) return;
        this.address = address[1];
        done(printed);
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      child.once("error", failed);
      child.once("exit", (code) => failed(new Error(`the program ended with ${code}:\n${printed}`)));
    });
  }
}
