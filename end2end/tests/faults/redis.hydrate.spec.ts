// Two portals that share a Redis: Plain's webhooks go to the one, the visitor is at the other.
import { complete, expect, stream, test as base, visit } from '../../support/faults.ts';
import type { HotlineProcess } from '../../support/process.ts';
import { connectionState, markDocument, message, reply, unique } from '../../support/pages.ts';
import { until } from '../../support/process.ts';
import { Redis } from '../../support/redis.ts';

interface RedisFixtures {
  redis: Redis;
  /** Where the visitor is; `house.portal` is where webhooks go. */
  other: HotlineProcess;
}

const test = base.extend<RedisFixtures>({
  redis: async ({}, use) => {
    const redis = await Redis.start();
    await use(redis);
    await redis.close();
  },
  settings: async ({ redis }, use) => use({ REDIS_URL: redis.url }),
  other: async ({ house }, use) => {
    const { url, portal } = await house.another();
    house.proxy.leadTo(url);
    await use(portal);
  },
});

test('what one portal hears the other one shows, once, also after a break', async ({ page, house, other }) => {
  const visitor = await visit(page, house);
  await house.sandbox.faults({ webhooks: { duplicate: true } });
  const said = [await visitor.answered(unique('Said at the one'))];
  await expect(message(page, said[0] as string)).toHaveCount(1);
  const mine = unique('Written at the other');
  await reply(page, mine);
  await expect(message(page, mine)).toHaveAttribute('data-state', 'sent');
  said.push(mine);

  const release = house.proxy.hold(stream);
  house.proxy.cut();
  for (let count = 1; count <= 3; count += 1) said.push(await visitor.answered(unique(`Said during the break ${count}`)));
  release();
  await complete(page, house, visitor, said);
  expect(other.output).not.toContain('Received Plain webhook');
});

test('a portal that is killed: the visitor goes on at the other one without a gap', async ({ page, house, other, guard }) => {
  const visitor = await visit(page, house);
  const sameDocument = await markDocument(page);
  await other.stop('SIGKILL');
  const said = [await visitor.answered(unique('Said meanwhile'))];
  house.proxy.leadTo(house.directUrl);
  await connectionState(page, 'live');
  await expect(message(page, said[0] as string)).toHaveCount(1);
  said.push(await visitor.answered(unique('Said afterwards')));
  await sameDocument();
  await complete(page, house, visitor, said);
  expect(guard.lines.filter((line) => line === 'Connected to real-time updates').length).toBeGreaterThanOrEqual(2);
});

test('Redis stands still: yellow, then green, and everything that was said is shown once', async ({ page, house, redis, other }) => {
  const visitor = await visit(page, house);
  const sameDocument = await markDocument(page);
  redis.hold();
  const said = [await visitor.answered(unique('Said while Redis slept'))];
  await connectionState(page, 'reconnecting');
  said.push(await visitor.answered(unique('And once more')));
  redis.goOn();
  await connectionState(page, 'live');
  said.push(await visitor.answered(unique('Said afterwards')));
  await sameDocument();
  await complete(page, house, visitor, said);
  expect(other.ended).toBeUndefined();
});

test('Redis is killed and comes back with nothing: yellow, then green, and nothing is missing', async ({ page, house, redis, other }) => {
  const visitor = await visit(page, house);
  const said = [await visitor.answered(unique('Said before'))];
  await expect(message(page, said[0] as string)).toHaveCount(1);
  const sameDocument = await markDocument(page);
  await redis.kill();
  await connectionState(page, 'reconnecting');
  said.push(await visitor.answered(unique('Said without Redis')));
  await redis.startEmpty();
  await connectionState(page, 'live');
  said.push(await visitor.answered(unique('Said into the new one')));
  await sameDocument();
  await complete(page, house, visitor, said);
  for (const portal of [house.portal, other]) {
    expect(portal.ended).toBeUndefined();
    await until('readiness', async () => (await fetch(portal.settings.readyUrl)).ok);
  }
});
