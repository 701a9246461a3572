// What lies between visitor and portal fails: gateways, networks, the visitor's own machine.
import { anything, complete, expect, impatient, reconnect, test, visit } from '../../support/faults.ts';
import { connectionState, hydrated, message, reply, unique, words } from '../../support/pages.ts';
import { until } from '../../support/process.ts';
import { witness } from '../../support/witness.ts';

test('a gateway that answers 502 to everything: the page comes back by itself', async ({ page, house }) => {
  const visitor = await visit(page, house);
  house.proxy.fail(502);
  house.proxy.cut();
  await connectionState(page, 'reconnecting');
  const said = [await visitor.answered(unique('Said behind the broken gateway'))];
  // A native EventSource is finished after the first of these.
  const before = house.proxy.count(anything);
  await until('three more tries', async () => house.proxy.count(anything) >= before + 3);
  said.push(await visitor.answered(unique('And once more')));
  await connectionState(page, 'reconnecting');

  house.proxy.heal();
  await connectionState(page, 'live');
  said.push(await visitor.answered(unique('Said afterwards')));
  await complete(page, house, visitor, said);
});

test('connections that break again and again lose nothing and repeat nothing', async ({ page, house }) => {
  const visitor = await visit(page, house);
  const said: string[] = [];
  for (let round = 1; round <= 5; round += 1) {
    said.push(await visitor.answered(unique(`Before the ${round}. break`)));
    house.proxy.cut();
    said.push(await visitor.answered(unique(`After the ${round}. break`)));
    // By a stream or, after some breaks, by slow mode.
    await expect(message(page, said.at(-1) as string)).toHaveCount(1);
  }
  await reconnect(page);
  await complete(page, house, visitor, said);
});

test.describe('a network that sleeps', () => {
  test.use({ settings: impatient });

  test('what it held arrives late, and once', async ({ page, house }) => {
    const visitor = await visit(page, house);
    house.proxy.freeze();
    const said = [await visitor.answered(unique('Said into the silence'))];
    // Nobody tells the page: it has to miss the heartbeats.
    await connectionState(page, 'reconnecting');
    said.push(await visitor.answered(unique('And once more')));
    house.proxy.thaw();
    await complete(page, house, visitor, said);
  });

  test('connections that it forgot are given up', async ({ page, house }) => {
    const visitor = await visit(page, house);
    house.proxy.freeze();
    const said = [await visitor.answered(unique('Said into the silence'))];
    house.proxy.thaw({ forget: true });
    await expect(message(page, said[0] as string)).toHaveCount(1);
    said.push(await visitor.answered(unique('Said on the new connection')));
    await complete(page, house, visitor, said);
  });

  test('a page that slept with it catches up when it wakes', async ({ page, context, house }) => {
    const visitor = await visit(page, house);
    // As a phone does with a page that nobody looks at: no timers, no events.
    const browser = await context.newCDPSession(page);
    await browser.send('Page.setWebLifecycleState', { state: 'frozen' });
    house.proxy.freeze();
    const said = [await visitor.answered(unique('Said while you slept'))];
    house.proxy.thaw({ forget: true });
    said.push(await visitor.answered(unique('And once more')));
    await browser.send('Page.setWebLifecycleState', { state: 'active' });
    await complete(page, house, visitor, said);
  });
});

test('a reply into a broken gateway waits, and goes out once by itself', async ({ page, house }) => {
  const visitor = await visit(page, house);
  house.proxy.fail(502);
  const mine = unique('Can you hear me?');
  await reply(page, mine);
  await expect(message(page, mine)).toHaveAttribute('data-state', 'queued');
  await expect(message(page, mine)).toContainText('Waiting for the network');
  house.proxy.heal();
  await expect(message(page, mine)).toHaveAttribute('data-state', 'sent');
  await complete(page, house, visitor, [mine]);
});

test('offline and back: what both sides wrote meanwhile', async ({ page, context, house }) => {
  const visitor = await visit(page, house);
  await context.setOffline(true);
  await connectionState(page, 'offline');
  const said = [await visitor.answered(unique('Written while you were offline')), await visitor.answered(unique('And once more'))];
  const mine = unique('Typed in a tunnel');
  await reply(page, mine);
  await expect(message(page, mine)).toHaveAttribute('data-state', 'queued');

  await context.setOffline(false);
  await connectionState(page, 'live');
  for (const text of said) await expect(message(page, text)).toHaveCount(1);
  await expect(message(page, mine)).toHaveAttribute('data-state', 'sent');
  await complete(page, house, visitor, [...said, mine]);
});

test('what was said between the page and its stream is shown', async ({ page, house }) => {
  const before = await visit(page, house);
  // The page arrives, its stream does not yet; and nothing but the stream (or what replaces it) may tell.
  const [letStream, letRead] = [house.proxy.hold(/^\/api\/support\/(stream|poll)\?/), house.proxy.hold(/^\/api\/support\/messages\?/)];
  await page.goto(`/t/${before.threadId}`);
  await hydrated(page);
  const visitor = { ...before, witness: await witness(page) };
  const said = [await visitor.answered(unique('Said into the seam')), await visitor.answered(unique('And once more'))];
  await until('both webhooks', async () => (await house.sandbox.delivered()) === said.length);
  await expect(words(page)).toHaveText([visitor.asked.message]);
  letStream();
  await expect(words(page)).toHaveText([visitor.asked.message, ...said]);
  letRead();
  await complete(page, house, visitor, said);
});
