//! What was used recently, in bounded memory: the state behind a limiter.

use governor::{nanos::Nanos, state::StateStore};
use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A limiter's state by key, for a bounded number of keys. Clones are the same.
///
/// Two generations: what is used goes into the younger one, and when that is full, it becomes the older one and what
/// was in the older one is forgotten. So a flood of new keys costs no search, makes nothing grow, and drops what
/// nobody used for longest; a key that is being refused counts as used, and cannot wait for its own forgetting.
pub struct Recent<K>(Arc<Mutex<Generations<K>>>);

struct Generations<K> {
    /// Keys a generation.
    size: usize,
    young: HashMap<K, u64>,
    old: HashMap<K, u64>,
}

impl<K> Clone for Recent<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K> fmt::Debug for Recent<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").field("keys", &self.len()).finish()
    }
}

impl<K> Recent<K> {
    /// For so many keys at most.
    pub fn new(keys: usize) -> Self {
        let size = (keys / 2).max(1);
        let generations = Generations { size, young: HashMap::new(), old: HashMap::new() };
        Self(Arc::new(Mutex::new(generations)))
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        let generations = self.lock();
        generations.young.len() + generations.old.len()
    }

    fn lock(&self) -> MutexGuard<'_, Generations<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Copy> Recent<K> {
    /// Moves a key's time back: what it paid last, it may do again.
    pub fn refund(&self, key: K, price: Duration) {
        let mut generations = self.lock();
        if let Some(time) = generations.get(key) {
            let price = u64::try_from(price.as_nanos()).unwrap_or(u64::MAX);
            generations.put(key, time.saturating_sub(price));
        }
    }
}

impl<K: Hash + Eq + Copy> Generations<K> {
    fn get(&self, key: K) -> Option<u64> {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }

    fn put(&mut self, key: K, time: u64) {
        if self.young.len() >= self.size && !self.young.contains_key(&key) {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(key, time);
    }
}

impl<K: Hash + Eq + Copy> StateStore for Recent<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut generations = self.lock();
        let before = generations.get(*key);
        match f(before.map(Nanos::new)) {
            Ok((outcome, after)) => {
                generations.put(*key, after.as_u64());
                Ok(outcome)
            }
            Err(refusal) => {
                if let Some(time) = before {
                    generations.put(*key, time);
                }
                Err(refusal)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(recent: &Recent<u32>, key: u32, time: u64) {
        recent.measure_and_replace(&key, |_| Ok::<_, ()>(((), Nanos::new(time)))).unwrap();
    }

    fn get(recent: &Recent<u32>, key: u32) -> Option<u64> {
        let found = Mutex::new(None);
        let _ = recent.measure_and_replace(&key, |time| {
            *found.lock().unwrap() = time.map(Nanos::as_u64);
            Err::<((), Nanos), ()>(())
        });
        found.into_inner().unwrap()
    }

    #[test]
    fn a_flood_makes_nothing_grow() {
        let recent = Recent::new(1000);
        for key in 0..100_000 {
            set(&recent, key, 1);
            assert!(recent.len() <= 1000);
        }
        assert!(get(&recent, 99_999).is_some(), "the newest is known");
        assert!(get(&recent, 1).is_none(), "the oldest is not");
    }

    #[test]
    fn what_is_used_stays_whatever_else_comes() {
        let recent = Recent::new(10);
        set(&recent, 7, 42);
        for key in 100..10_000 {
            set(&recent, key, 1);
            // Being refused is being used.
            assert_eq!(get(&recent, 7), Some(42));
        }
        assert!(recent.len() <= 10);
    }

    #[test]
    fn what_is_asked_for_in_vain_is_not_remembered() {
        let recent = Recent::new(10);
        assert_eq!(get(&recent, 1), None);
        assert_eq!(recent.len(), 0);
    }

    #[test]
    fn a_refund_never_goes_below_nothing() {
        let recent = Recent::new(10);
        recent.refund(1, Duration::from_secs(1));
        assert_eq!(recent.len(), 0);
        set(&recent, 1, 5);
        recent.refund(1, Duration::from_nanos(2));
        assert_eq!(get(&recent, 1), Some(3));
        recent.refund(1, Duration::MAX);
        assert_eq!(get(&recent, 1), Some(0));
    }
}
