//! Which threads are watched, and which of them is to be looked at next.

use super::{RepairSettings, known::Known};
use crate::domain::ids::ThreadId;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// All watched threads. Bounded by the streams that are open, and those that were a moment ago.
#[derive(Debug)]
pub(in crate::server::desk) struct Watched {
    settings: RepairSettings,
    threads: Mutex<Threads>,
    /// Something is due earlier than it was.
    pub sooner: Notify,
}

#[derive(Debug, Default)]
struct Threads {
    all: HashMap<ThreadId, Thread>,
    /// Because somebody came, or something is being confirmed: these go first.
    soon: BTreeSet<(Instant, ThreadId)>,
    /// Because time has passed.
    some_day: BTreeSet<(Instant, ThreadId)>,
}

#[derive(Debug, Default)]
struct Thread {
    viewers: usize,
    due: Option<(Instant, Class)>,
    looking: bool,
    looked: Option<Instant>,
    /// The wait before the next look of the slow timer.
    wait: Duration,
    known: Option<Known>,
    read_again: bool,
    warned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Soon,
    SomeDay,
}

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Look at this thread.
    Look(Box<Look>),
    /// Come back at this moment, or when [`Watched::sooner`] says so.
    At(Instant),
    /// Nobody watches anything.
    Nothing,
}

/// A thread whose turn it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub thread: ThreadId,
    pub known: Option<Known>,
    /// Plain has to be asked again: what was read for somebody else before will not do.
    pub read_again: bool,
}

/// How a look ended.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub known: Option<Known>,
    /// Something was announced or missed since the last one.
    pub lively: bool,
    /// Look again after this.
    pub again: Option<Duration>,
    pub read_again: bool,
    /// Some events were missed.
    pub missed: bool,
}

impl Watched {
    pub fn new(settings: RepairSettings) -> Self {
        Self { settings, threads: Mutex::default(), sooner: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Threads> {
        // Nothing in here can panic between two changes that belong together.
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many threads are known here.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.lock().all.len()
    }

    /// Somebody watches from now on. Whoever follows shortly after a look is told of nothing that it has not told.
    pub fn begin(&self, id: &ThreadId, now: Instant) {
        let mut threads = self.lock();
        let thread = threads
            .all
            .entry(id.clone())
            .or_insert_with(|| Thread { wait: self.settings.every, ..Thread::default() });
        thread.viewers += 1;
        let (looking, wait) = (thread.looking, thread.wait);
        let back = thread.viewers == 1;
        let fresh = thread.looked.is_some_and(|looked| now - looked < self.settings.fresh);
        let open = thread.known.as_ref().is_some_and(Known::is_open);
        let sooner = match () {
            () if looking => false,
            () if !fresh || back && open => {
                threads.plan(id, now + super::spread(self.settings.delay), Class::Soon)
            }
            () if back => {
                // It was waiting to be forgotten.
                threads.unplan(id);
                threads.plan(id, now + super::spread(wait), Class::SomeDay)
            }
            () => false,
        };
        drop(threads);
        if sooner {
            self.sooner.notify_one();
        }
    }

    /// Somebody does not watch any more.
    pub fn end(&self, id: &ThreadId, now: Instant) {
        let mut threads = self.lock();
        let Some(thread) = threads.all.get_mut(id) else { return };
        thread.viewers = thread.viewers.saturating_sub(1);
        if thread.viewers > 0 || thread.looking {
            return;
        }
        // Kept for a moment: whoever reconnects is not a reason to look again.
        let until = thread.looked.unwrap_or(now) + self.settings.fresh;
        threads.unplan(id);
        threads.plan(id, until.max(now), Class::SomeDay);
        drop(threads);
        self.sooner.notify_one();
    }

    /// Something is about to happen on this thread: look at it more often again.
    pub fn stir(&self, id: &ThreadId) {
        let now = Instant::now();
        let mut threads = self.lock();
        let Some(thread) = threads.all.get_mut(id).filter(|thread| thread.viewers > 0) else {
            return;
        };
        thread.wait = self.settings.every;
        let at = now + super::spread(thread.wait);
        let sooner = !thread.looking && threads.plan(id, at, Class::SomeDay);
        drop(threads);
        if sooner {
            self.sooner.notify_one();
        }
    }

    /// The thread to look at now, if any.
    pub(super) fn next(&self, now: Instant) -> Next {
        let mut threads = self.lock();
        loop {
            let soon = threads.soon.first().filter(|(due, _)| *due <= now);
            let due = soon.or_else(|| threads.some_day.first().filter(|(due, _)| *due <= now));
            let Some((_, id)) = due.cloned() else {
                let first = threads.soon.first().into_iter().chain(threads.some_day.first());
                return first.map(|(due, _)| *due).min().map_or(Next::Nothing, Next::At);
            };
            threads.unplan(&id);
            let Some(thread) = threads.all.get_mut(&id) else { continue };
            if thread.viewers == 0 {
                threads.all.remove(&id);
                continue;
            }
            thread.looking = true;
            let look =
                Look { known: thread.known.clone(), read_again: thread.read_again, thread: id };
            return Next::Look(Box::new(look));
        }
    }

    /// What a look at a thread ended with. True if something was missed and nobody was warned yet.
    pub(super) fn looked(&self, id: &ThreadId, looked: Looked, now: Instant) -> bool {
        let settings = &self.settings;
        let mut threads = self.lock();
        let Some(thread) = threads.all.get_mut(id) else { return false };
        thread.looking = false;
        thread.looked = Some(now);
        thread.known = looked.known;
        thread.read_again = looked.read_again;
        thread.wait = match looked.lively {
            true => settings.every,
            false => (thread.wait * 2).min(settings.longest.max(settings.every)),
        };
        let warn = looked.missed && !thread.warned;
        thread.warned |= looked.missed;
        let (after, class) = match looked.again {
            _ if thread.viewers == 0 => (settings.fresh, Class::SomeDay),
            Some(again) => (again, Class::Soon),
            None => (super::spread(thread.wait), Class::SomeDay),
        };
        threads.plan(id, now + after, class);
        drop(threads);
        self.sooner.notify_one();
        warn
    }

    /// A look at a thread was in vain: Plain or the bus cannot be asked.
    pub(super) fn failed(
        &self,
        id: &ThreadId,
        known: Option<Known>,
        again: Duration,
        now: Instant,
    ) {
        let mut threads = self.lock();
        let Some(thread) = threads.all.get_mut(id) else { return };
        thread.looking = false;
        thread.known = known;
        threads.plan(id, now + super::spread(again), Class::SomeDay);
        drop(threads);
        self.sooner.notify_one();
    }
}

impl Threads {
    /// Puts a thread into its line, unless it is due earlier already. Whether it is due earlier now.
    fn plan(&mut self, id: &ThreadId, at: Instant, class: Class) -> bool {
        let Some(thread) = self.all.get_mut(id) else { return false };
        let earlier = match thread.due {
            Some((due, Class::Soon)) => class == Class::Soon && at < due,
            Some((due, Class::SomeDay)) => class == Class::Soon || at < due,
            None => true,
        };
        if earlier {
            self.unplan(id);
            if let Some(thread) = self.all.get_mut(id) {
                thread.due = Some((at, class));
            }
            self.line(class).insert((at, id.clone()));
        }
        earlier
    }

    fn unplan(&mut self, id: &ThreadId) {
        let due = self.all.get_mut(id).and_then(|thread| thread.due.take());
        if let Some((at, class)) = due {
            self.line(class).remove(&(at, id.clone()));
        }
    }

    fn line(&mut self, class: Class) -> &mut BTreeSet<(Instant, ThreadId)> {
        match class {
            Class::Soon => &mut self.soon,
            Class::SomeDay => &mut self.some_day,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(n: u32) -> ThreadId {
        ThreadId::parse(format!("th_{n:026}")).unwrap()
    }

    fn watched() -> Watched {
        Watched::new(RepairSettings::default())
    }

    const SECOND: Duration = Duration::from_secs(1);

    /// The thread that is looked at next, and when.
    fn look(watched: &Watched, now: &mut Instant) -> ThreadId {
        loop {
            match watched.next(*now) {
                Next::Look(look) => return look.thread,
                Next::At(at) => *now = at,
                Next::Nothing => panic!("nobody watches"),
            }
        }
    }

    #[test]
    fn however_many_come_it_is_one_look() {
        let watched = watched();
        let began = Instant::now();
        let mut now = began;
        for _ in 0..5_000 {
            watched.begin(&thread(1), now);
        }
        assert_eq!(look(&watched, &mut now), thread(1));
        assert!(now - began <= 2 * SECOND);
        watched.begin(&thread(1), now);
        assert_eq!(watched.next(now + 60 * SECOND), Next::Nothing, "it is being looked at");
        watched.looked(&thread(1), Looked::default(), now);
        let looked = now;
        // All of them lose their connection and come back.
        for _ in 0..5_001 {
            watched.end(&thread(1), now);
        }
        for _ in 0..5_000 {
            now += Duration::from_micros(100);
            watched.begin(&thread(1), now);
        }
        assert_eq!(look(&watched, &mut now), thread(1));
        assert!(now - looked > 40 * SECOND, "{:?}", now - looked);
    }

    #[test]
    fn quiet_threads_are_looked_at_more_and_more_seldom() {
        let watched = watched();
        let mut now = Instant::now();
        watched.begin(&thread(1), now);
        look(&watched, &mut now);
        let mut waits = Vec::new();
        let mut rounds = |lively: bool, rounds: usize| {
            waits.clear();
            for _ in 0..rounds {
                let before = now;
                watched.looked(&thread(1), Looked { lively, ..Looked::default() }, now);
                look(&watched, &mut now);
                waits.push((now - before).as_secs());
            }
            waits.clone()
        };
        let quiet = rounds(false, 6);
        for (wait, usual) in quiet.iter().zip([120, 240, 480, 900, 900, 900]) {
            assert!((usual * 3 / 4..=usual * 5 / 4).contains(wait), "{quiet:?}");
        }
        let lively = rounds(true, 3);
        assert!(lively.iter().all(|wait| (45..=75).contains(wait)), "{lively:?}");
    }

    #[test]
    fn who_just_came_goes_first_and_nobody_is_kept_for_ever() {
        let watched = watched();
        let mut now = Instant::now();
        for n in 0..100 {
            watched.begin(&thread(n), now);
        }
        for _ in 0..100 {
            let id = look(&watched, &mut now);
            watched.looked(&id, Looked::default(), now);
        }
        // All of them are overdue.
        now += 3_600 * SECOND;
        watched.begin(&thread(500), now);
        now += 2 * SECOND;
        assert_eq!(look(&watched, &mut now), thread(500));
        watched.failed(&thread(500), None, SECOND, now);
        for n in (0..100).chain([500]) {
            watched.end(&thread(n), now);
        }
        while let Next::At(at) = watched.next(now) {
            now = at;
        }
        assert_eq!(watched.len(), 0);
        watched.end(&thread(1), now);
        watched.stir(&thread(1));
        assert_eq!(watched.next(now), Next::Nothing);
    }

    #[test]
    fn one_warning_a_thread() {
        let watched = watched();
        let mut now = Instant::now();
        watched.begin(&thread(1), now);
        let missed = |missed| Looked { missed, ..Looked::default() };
        let mut warned = Vec::new();
        for found in [false, true, true, false, true] {
            look(&watched, &mut now);
            warned.push(watched.looked(&thread(1), missed(found), now));
        }
        assert_eq!(warned, [false, true, false, false, false]);
    }
}
