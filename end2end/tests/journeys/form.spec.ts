import { arrivedThread, ask, composer, field, fillIn, message, openForm, question, sendButton, submitButton } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

test('what is missing is said beside each field', async ({ page, scripted }) => {
  await openForm(page, scripted);
  await submitButton(page).click();
  for (const [label, sentence] of [
    ['Name', /tell us your name/],
    ['E-mail', /give an e-mail address/],
    ['Topic', /choose what this is about/],
    ['Subject', /give your request a subject/],
    ['Message', /write a message/],
  ] as const) {
    await expect(field(page, label)).toHaveAttribute('aria-invalid', 'true');
    await expect(field(page, label)).toHaveAccessibleDescription(sentence);
    await expect(page.getByText(sentence).first()).toBeVisible();
  }
  await expect(page).toHaveURL(/\/$/);
});

test('a fault keeps everything that was typed, and can be put right', async ({ page, scripted, stand }) => {
  const asked = question({ email: 'ada at example', message: 'First line\n  second </textarea><b>line</b> & "more"' });
  await openForm(page, scripted);
  await fillIn(page, asked);
  await submitButton(page).click();

  await expect(field(page, 'E-mail')).toHaveAttribute('aria-invalid', 'true');
  await expect(field(page, 'E-mail')).toHaveAccessibleDescription(/does not look like an e-mail address/);
  await expect(field(page, 'Name')).toHaveValue(asked.name);
  await expect(field(page, 'E-mail')).toHaveValue(asked.email);
  await expect(field(page, 'Topic')).toHaveValue(asked.topic);
  await expect(field(page, 'Subject')).toHaveValue(asked.subject);
  await expect(field(page, 'Message')).toHaveValue(asked.message);
  expect((await stand.sandbox.threads()).some(({ title }) => title === asked.subject)).toBe(false);

  await field(page, 'E-mail').fill('ada@example.com');
  await submitButton(page).click();
  const threadId = await arrivedThread(page);
  expect(await stand.sandbox.chats(threadId)).toEqual([asked.message]);
});

test('without script, a form with faults comes back as 422', async ({ page, scripted }) => {
  const submission = await (async () => {
    await openForm(page, scripted);
    return page.locator('input[name=submission_id]').inputValue();
  })();
  const answer = await page.request.post('/', { form: { name: 'Ada', submission_id: submission }, maxRedirects: 0 });
  expect(answer.status()).toBe(422);
  expect(await answer.text()).toContain('Please give an e-mail address');
});

test('sending twice opens one thread', async ({ page, scripted, stand }) => {
  const asked = question();
  await openForm(page, scripted);
  await fillIn(page, asked);
  await submitButton(page).dblclick();
  const threadId = await arrivedThread(page);
  await expect(message(page, asked.message)).toHaveCount(1);
  expect((await stand.sandbox.threads()).filter(({ title }) => title === asked.subject)).toHaveLength(1);
  expect(await stand.sandbox.chats(threadId)).toEqual([asked.message]);
});

test('markup in a message is text', async ({ page, scripted }) => {
  const text = '<script>document.title="owned"</script><img src=x onerror=alert(1)> &amp; </textarea>';
  const asked = question({ message: text });
  await ask(page, scripted, asked);
  await expect(message(page, text)).toBeVisible();
  await expect(page).not.toHaveTitle(/owned/);
});

test('an empty reply is not sent', async ({ page, scripted, stand }) => {
  const asked = question();
  const threadId = await ask(page, scripted, asked);
  await composer(page).fill('  \n ');
  await sendButton(page).click({ force: true });
  await page.waitForLoadState('load');
  await expect(composer(page)).toBeVisible();
  expect(await stand.sandbox.chats(threadId)).toEqual([asked.message]);
});
