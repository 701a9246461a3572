// The story once more with HOTLINE_TRANSPORT=websocket.
import { connectionLines } from '../../support/console.ts';
import { apart, type Apart } from '../../support/hotline.ts';
import { ask, composer, connectionState, hydrated, markDocument, message, reply, unique } from '../../support/pages.ts';
import { agentTypes } from '../../support/signals.ts';
import { test as base, expect } from '../../support/test.ts';

const test = base.extend<{ socketed: Apart }>({
  socketed: async ({ guard }, use, info) => {
    const stand = await apart(`${info.outputDir}/socket.log`, { settings: { HOTLINE_TRANSPORT: 'websocket' } });
    guard.home(stand.portalUrl, stand.sandbox.url);
    await use(stand);
    await stand.close();
  },
  baseURL: async ({ socketed }, use) => use(socketed.portalUrl),
});

test('a visitor asks, an agent answers, the visitor replies, over a socket', async ({ page, context, scripted, socketed, guard }) => {
  guard.allow(...connectionLines);
  const sockets: string[] = [];
  const said: string[] = [];
  page.on('websocket', (socket) => {
    sockets.push(new URL(socket.url()).pathname);
    socket.on('framesent', ({ payload }) => said.push(String(payload)));
  });
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  await expect(page.locator('main')).toHaveAttribute('data-transport', 'websocket');
  expect(sockets).toEqual(['/api/support/ws']);
  const sameDocument = await markDocument(page);

  const answer = unique('Over the socket.');
  await socketed.sandbox.answer(threadId, answer);
  await expect(message(page, answer)).toHaveCount(1);
  await agentTypes(socketed, threadId, 'Ines');
  await expect(page.locator('p.typing')).toHaveText('Ines is typing…');
  await composer(page).pressSequentially('Thank');
  await expect.poll(() => said.join()).toContain('"typing":true');
  const text = unique('Thank you!');
  await reply(page, text);
  await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
  expect((await socketed.sandbox.chats(threadId)).filter((chat) => chat === text)).toHaveLength(1);

  // Another tab of the same browser listens to this one.
  const second = await context.newPage();
  await second.goto(`/t/${threadId}`);
  await hydrated(second);
  await connectionState(second, 'live');

  await socketed.portal.stop('SIGKILL');
  await connectionState(page, 'reconnecting');
  const missed = unique('Answered while you were away');
  await socketed.sandbox.answer(threadId, missed);
  await socketed.portal.start();
  await connectionState(page, 'live');
  await expect(message(page, missed)).toHaveCount(1);
  await expect(message(second, missed)).toHaveCount(1);
  await sameDocument();
});

test('where no socket opens, the stream is used', async ({ page, scripted, socketed, guard }) => {
  guard.allow(...connectionLines, /WebSocket connection to .* failed/);
  await page.routeWebSocket('**/api/support/ws?*', (socket) => socket.close());
  const streams: string[] = [];
  page.on('request', (request) => {
    if (new URL(request.url()).pathname === '/api/support/stream') streams.push(request.url());
  });
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  expect(streams.length).toBeGreaterThan(0);
  const answer = unique('By the stream, then.');
  await socketed.sandbox.answer(threadId, answer);
  await expect(message(page, answer)).toHaveCount(1);
});
