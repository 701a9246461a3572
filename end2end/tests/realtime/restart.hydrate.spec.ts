import { connectionLines } from '../../support/console.ts';
import { ask, connectionState, conversation, markDocument, message, reply, unique } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

test.describe('the portal goes away', () => {
  test.use({ baseURL: async ({ split }, use) => use(split.portalUrl) });

  test('killed and started again: yellow, then green, with what was answered meanwhile', async ({ page, scripted, split, guard }) => {
    guard.allow(...connectionLines);
    const threadId = await ask(page, scripted);
    await connectionState(page, 'live');
    const sameDocument = await markDocument(page);

    await split.portal.stop('SIGKILL');
    await connectionState(page, 'reconnecting');
    const answers = [unique('Answered while you were away'), unique('And once more')];
    for (const answer of answers) await split.sandbox.answer(threadId, answer);

    await split.portal.start();
    await connectionState(page, 'live');
    for (const answer of answers) await expect(message(page, answer)).toHaveCount(1);
    await expect(conversation(page).locator('li.message')).toHaveCount(3);

    const text = unique('I am still here');
    await reply(page, text);
    await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
    expect(await split.sandbox.chats(threadId)).toContain(text);
    await sameDocument();
  });

  test('a planned restart loses nothing either', async ({ page, scripted, split, guard }) => {
    guard.allow(...connectionLines);
    const threadId = await ask(page, scripted);
    await connectionState(page, 'live');
    await split.portal.stop('SIGTERM');
    const answer = unique('Answered during the restart');
    await split.sandbox.answer(threadId, answer);
    await split.portal.start();
    await expect(message(page, answer)).toHaveCount(1);
    await connectionState(page, 'live');
  });
});

test('offline and back again', async ({ page, context, scripted, stand, guard }) => {
  guard.allow(...connectionLines);
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  await context.setOffline(true);
  await connectionState(page, 'offline');
  const answer = unique('Written while you were offline');
  await stand.sandbox.answer(threadId, answer);
  await context.setOffline(false);
  await connectionState(page, 'live');
  await expect(message(page, answer)).toHaveCount(1);
});
