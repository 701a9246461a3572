// What the pictures' people say.

interface Asked {
  name: string;
  email: string;
  topic: string;
  subject: string;
  message: string;
}

/** One conversation in one language. */
export interface Texts {
  locale: string;
  /** Between a picture's name and its width. */
  mark: string;
  asked: Asked;
  look: string;
  cause: string;
  quick: string;
  again: string;
  thanks: string;
  tunnel: string;
  markup: string;
  slack: string;
  evidence: string;
  files: [picture: string, log: string];
  busy: {
    greeting: string;
    everywhere: string;
    andLarge: string;
    chart: string;
    chartFile: string;
    run: string;
    ran: string;
    needed: string;
    mail: string;
    change: string;
    changed: string;
    mistake: string;
    away: [string, string];
  };
  /** The other requests of the list. */
  others: [string, string, string];
}

const code = `\`\`\`
$ curl --fail --location --output export.csv https://files.example.com/exports/2026/11/ada.csv
12480 rows
\`\`\``;

export const english: Texts = {
  locale: 'en-GB',
  mark: '',
  asked: {
    name: 'Ada Lovelace',
    email: 'ada@example.com',
    topic: 'problem',
    subject: 'The export stops at row 5000',
    message: 'Since yesterday the export to CSV stops at row 5000, whatever I choose.\n\nThe file itself is fine. Is there a new limit?',
  },
  look: 'Good morning Ada, thanks for telling us. Let me have a look at your last exports.',
  cause: 'Found it: the new limit for previews was applied to downloads as well. We are putting it right now.',
  quick: 'That was quick! Shall I start the export again, or will the old one be completed?',
  again: 'Please start it again. It should bring all 12,480 rows. 🎉',
  thanks: 'It works, all rows are there. Thank you!',
  tunnel: 'One more thing: may I delete the old files?',
  // One of everything that Markdown has.
  markup: `## What we changed
The limit is gone for *downloads*, ~~and for previews~~ **not** for previews. Details: https://docs.example.com/exports/limits-and-quotas/how-rows-are-counted?plan=team&region=eu-central-1#downloads

1. Open \`Settings → Exports\`
2. Press **Start again**
   - it takes a minute
   - [x] no need to wait

> Will the old file be completed?

No, take the [new one](https://files.example.com/new):

${code}

| Plan | Rows |
|------|------|
| Free | 5000 |
| Team | no limit |`,
  slack: '*Slack* says: see <https://status.example.com|the status page>, <@U1|Ines>.\n&gt; All systems go',
  evidence: 'Here is what I see, and the log of the last export.',
  files: ['screen.png', 'export log of the night from Sunday to Monday, all projects.txt'],
  busy: {
    greeting: 'Good morning Ada, does it happen with one project, or with all of them?',
    everywhere: 'With every project.',
    andLarge: 'Also with the small ones, as soon as they have more than 5000 rows.',
    chart: 'This is what we see on our side: since Thursday no export has been longer.',
    chartFile: 'rows-per-day.png',
    run: `Could you run this and tell us how many rows it counts?\n\n${code}`,
    ran: '12480 rows, every time. So the file is complete, and only the page’s own download is cut?',
    needed: 'Exactly, and that is all we needed. The fix goes out tonight.',
    mail: 'The fix is out. We tested it with your largest project as well:\n\n- all 12,480 rows are there\n- it takes 40 seconds instead of 55',
    change: 'Please start the export again at noon.',
    changed: 'Please start the export again, now or later.',
    mistake: 'Wrong conversation, sorry.',
    away: ['All regions have it now. May we close this?', 'Or would you rather wait for your night run? We are here until six.'],
  },
  others: ['Can we pay by invoice?', 'An idea for the calendar view', 'The mail for a new password does not arrive at our company’s addresses'],
};

export const arabic: Texts = {
  locale: 'ar',
  mark: '-ar',
  asked: {
    name: 'ليلى حداد',
    email: 'layla@example.com',
    topic: 'problem',
    subject: 'التصدير يتوقف عند الصف 5000',
    message: 'منذ أمس يتوقف التصدير إلى CSV عند الصف 5000 مهما اخترت.\n\nالملف نفسه سليم. هل هناك حد جديد؟',
  },
  look: 'صباح الخير ليلى، شكرًا لإبلاغنا. دعيني أراجع آخر عمليات التصدير لديك.',
  cause: 'وجدنا السبب: طُبّق حد المعاينة على التنزيل أيضًا. نصلحه الآن.',
  quick: 'بهذه السرعة! هل أبدأ من جديد أم يكتمل التصدير القديم؟ See https://example.com/export',
  again: 'ابدئي من جديد من فضلك. ستصلك الصفوف كلها وعددها 12480. 🎉',
  thanks: 'نجح الأمر، الصفوف كلها موجودة. شكرًا لكم!',
  tunnel: 'سؤال أخير: هل يمكنني حذف الملفات القديمة؟',
  markup: `## ما الذي غيّرناه
أُزيل الحد عن *التنزيل*، ~~وعن المعاينة~~ **لا** عن المعاينة. التفاصيل: https://docs.example.com/exports/limits-and-quotas/how-rows-are-counted?plan=team&region=eu-central-1#downloads

1. افتحي \`Settings → Exports\`
2. اضغطي **ابدأ من جديد**
   - يستغرق دقيقة
   - [x] لا داعي للانتظار

> هل يكتمل الملف القديم؟

لا، خذي [الملف الجديد](https://files.example.com/new):

${code}

| الخطة | الصفوف |
|------|------|
| مجانية | 5000 |
| فريق | بلا حد |`,
  slack: 'من *Slack*: انظري <https://status.example.com|صفحة الحالة>، <@U1|Ines>.\n&gt; كل الأنظمة تعمل',
  evidence: 'هذا ما أراه، مع سجل آخر تصدير.',
  files: ['screen.png', 'سجل التصدير ليلة الأحد إلى الاثنين لكل المشاريع.txt'],
  busy: {
    greeting: 'صباح الخير ليلى، هل يحدث ذلك في مشروع واحد أم في كل المشاريع؟',
    everywhere: 'في كل المشاريع.',
    andLarge: 'وفي الصغيرة أيضًا، ما إن تتجاوز 5000 صف.',
    chart: 'هذا ما نراه من جهتنا: منذ الخميس لم يكن أي تصدير أطول من ذلك.',
    chartFile: 'rows-per-day.png',
    run: `هل يمكنك تشغيل هذا الأمر وإخبارنا بعدد الصفوف؟\n\n${code}`,
    ran: '12480 صفًا في كل مرة. إذن الملف كامل، والتنزيل من الصفحة وحده مقطوع؟',
    needed: 'بالضبط، وهذا كل ما احتجنا إليه. يصدر الإصلاح الليلة.',
    mail: 'صدر الإصلاح. جرّبناه مع أكبر مشاريعك أيضًا:\n\n- الصفوف كلها موجودة، وعددها 12480\n- يستغرق 40 ثانية بدلًا من 55',
    change: 'ابدئي التصدير من جديد عند الظهر من فضلك.',
    changed: 'ابدئي التصدير من جديد من فضلك، الآن أو لاحقًا.',
    mistake: 'عذرًا، محادثة خاطئة.',
    away: ['وصل الإصلاح إلى كل المناطق. هل نغلق الطلب؟', 'أم تفضّلين انتظار تشغيل الليلة؟ نحن هنا حتى السادسة.'],
  },
  others: ['هل يمكننا الدفع بالفاتورة؟', 'فكرة لعرض التقويم', 'رسالة كلمة المرور الجديدة لا تصل إلى عناوين شركتنا'],
};
