// What was typed is not lost.
import { arrivedThread, field, fillIn, openForm, question, submitButton } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

test('the draft of the form survives a reload, and goes with its sending', async ({ page, scripted }) => {
  const asked = question();
  await openForm(page, scripted);
  await fillIn(page, asked);
  await openForm(page, scripted);
  await expect(field(page, 'Topic')).toHaveValue(asked.topic);
  await expect(field(page, 'Subject')).toHaveValue(asked.subject);
  await expect(field(page, 'Message')).toHaveValue(asked.message);
  await fillIn(page, asked);
  await submitButton(page).click();
  await arrivedThread(page);
  await openForm(page, scripted);
  await expect(field(page, 'Subject')).toHaveValue('');
  await expect(field(page, 'Message')).toHaveValue('');
});
