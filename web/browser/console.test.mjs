// The console on the real program, as people use it: one shop, one browser, the parts in this order.
import { after, afterEach, before, describe } from "node:test";
import { World } from "./support/world.mjs";
import { signIn } from "./walk/sign-in.mjs";
import { overview } from "./walk/overview.mjs";
import { tags } from "./walk/tags.mjs";
import { query } from "./walk/query.mjs";
import { edit } from "./walk/edit.mjs";
import { assign } from "./walk/assign.mjs";
import { runs } from "./walk/runs.mjs";
import { rights } from "./walk/rights.mjs";
import { keyboard } from "./walk/keyboard.mjs";
import { connection } from "./walk/connection.mjs";

describe("console", { timeout: 180_000 }, () => {
  let world;
  before(async () => {
    world = await World.open();
  });
  after(() => world?.close());
  afterEach(() => world.settle());

  // The first part chooses the password that the others sign in with.
  for (const [name, part] of Object.entries({ signIn, overview, tags, query, edit, assign, runs, rights, keyboard, connection })) describe(name, () => part(() => world));
});
