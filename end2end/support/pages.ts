// What a visitor sees and does. Everything is found by its accessible name, as a person finds it.
import { randomUUID } from 'node:crypto';
import { expect, type Locator, type Page } from '@playwright/test';

export interface Question {
  name: string;
  email: string;
  topic: 'question' | 'problem' | 'billing' | 'idea' | 'other';
  subject: string;
  message: string;
}

/** A word in everything that visitors and agents write here: no server log may hold it (`tests/logs`). */
export const marker = 'quillmark';

const tagged = () => `${marker}-${randomUUID().slice(0, 8)}`;

/** A complete request; the subject is unlike all others, so that it can be found in the desk. */
export function question(changes: Partial<Question> = {}): Question {
  const tag = tagged();
  return {
    name: 'Ada Lovelace',
    email: `ada.${tag}@example.com`,
    topic: 'problem',
    subject: `Export stops at row 5000 (${tag})`,
    message: `Since yesterday the export stops at row 5000. (${tag})`,
    ...changes,
  };
}

/** A text that occurs once in the world. */
export const unique = (text: string) => `${text} ${tagged()}`;

export async function hydrated(page: Page): Promise<void> {
  await expect(page.locator('html')).toHaveAttribute('data-hydrated', /.*/);
}

export async function openForm(page: Page, scripted: boolean): Promise<void> {
  await page.goto('/');
  if (scripted) await hydrated(page);
}

export const field = (page: Page, label: string): Locator => page.getByLabel(label, { exact: true });

export async function fillIn(page: Page, asked: Question): Promise<void> {
  await field(page, 'Name').fill(asked.name);
  await field(page, 'E-mail').fill(asked.email);
  await field(page, 'Topic').selectOption(asked.topic);
  await field(page, 'Subject').fill(asked.subject);
  await field(page, 'Message').fill(asked.message);
}

export const submitButton = (page: Page): Locator => page.getByRole('button', { name: 'Send request' });

const threadPath = /\/t\/(th_[0-9A-HJKMNP-TV-Z]{26})(?:[?#].*)?$/;

/** The thread of the conversation that the page has arrived at. */
export async function arrivedThread(page: Page): Promise<string> {
  // Not `waitForURL`: where a form is sent twice, the second answer's page ends the first one's before it is there.
  await expect(page).toHaveURL(threadPath, { timeout: 30_000 });
  await page.waitForLoadState();
  const threadId = threadPath.exec(page.url())?.[1];
  if (!threadId) throw new Error(`no thread in ${page.url()}`);
  return threadId;
}

/** Asks through the form; ends in the conversation. */
export async function ask(page: Page, scripted: boolean, asked: Question = question()): Promise<string> {
  await openForm(page, scripted);
  await fillIn(page, asked);
  await submitButton(page).click();
  const threadId = await arrivedThread(page);
  if (scripted) await hydrated(page);
  return threadId;
}

export const conversation = (page: Page): Locator => page.getByRole('log', { name: 'Conversation' });
export const message = (page: Page, text: string): Locator => conversation(page).locator('li.message', { hasText: text });
/** The words of all messages, in the order in which they are shown. */
export const words = (page: Page): Locator => conversation(page).locator('li.message .bubble__text');
export const connection = (page: Page): Locator => page.locator('p.connection');
export const composer = (page: Page): Locator => page.getByLabel('Your reply');
export const sendButton = (page: Page): Locator => page.getByRole('button', { name: 'Send', exact: true });
export const retryButton = (entry: Locator): Locator => entry.getByRole('button', { name: /retry|again/i });

/** Scrolls up until older messages are asked for, and holds them until the returned function is called. */
export async function towardsOlder(page: Page): Promise<() => void> {
  let go = () => {};
  const held = new Promise<void>((done) => (go = done));
  await page.route('**/api/support/messages?**before=**', async (route) => {
    await held;
    await route.continue();
  });
  await conversation(page).evaluate((list) => list.scrollTo(0, -list.scrollHeight));
  return go;
}

export async function reply(page: Page, text: string): Promise<void> {
  await composer(page).fill(text);
  await sendButton(page).click();
}

export async function connectionState(page: Page, state: 'connecting' | 'live' | 'reconnecting' | 'slow' | 'offline' | 'closed'): Promise<void> {
  await expect(connection(page)).toHaveAttribute('data-state', state);
  // Colour alone tells nobody who cannot see it.
  await expect(connection(page)).toHaveText(/\p{L}{3,}/u);
}

/** The button beside the dot, for who does not want to wait. */
export const reconnectButton = (page: Page): Locator => page.getByRole('button', { name: 'Retry now' });

/** With script a message comes by itself; without, the visitor reloads until it is there. */
export async function appears(page: Page, scripted: boolean, text: string): Promise<void> {
  if (!scripted) {
    await expect(async () => {
      await page.reload();
      await expect(message(page, text)).toHaveCount(1, { timeout: 500 });
    }).toPass({ timeout: 15_000 });
  }
  await expect(message(page, text)).toHaveCount(1);
  await expect(message(page, text)).toBeVisible();
}

/** Proof that the document is still the same one: a reload would lose the mark. */
export async function markDocument(page: Page): Promise<() => Promise<void>> {
  const mark = randomUUID();
  await page.evaluate((value) => Object.assign(window, { hotlineMark: value }), mark);
  return async () => {
    expect(await page.evaluate(() => (window as { hotlineMark?: string }).hotlineMark), 'the page was not reloaded').toBe(mark);
  };
}
