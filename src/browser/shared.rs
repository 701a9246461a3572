//! What several parts of a page know together. Whoever watches is called once after it changed, however often that was.
//!
//! It lives as long as its page: made once, never dropped. (Leptos' signals would do as well; they cost the bundle
//! some 15 KB for what a page with one island needs.)

use leptos::leptos_dom::helpers::queue_microtask;
use std::{
    cell::{Cell, Ref, RefCell},
    fmt,
};

/// Calls those who watch.
#[derive(Default)]
pub struct Bell {
    watchers: RefCell<Vec<Box<dyn Fn()>>>,
    rung: Cell<bool>,
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell")
    }
}

impl Bell {
    /// One for the rest of the page's life.
    pub fn hang() -> &'static Self {
        Box::leak(Box::default())
    }

    /// Calls `f` now and after every change. It must not begin to watch something itself.
    pub fn watch(&self, f: impl Fn() + 'static) {
        f();
        self.watchers.borrow_mut().push(Box::new(f));
    }

    fn ring(&'static self) {
        if !self.rung.replace(true) {
            queue_microtask(move || {
                self.rung.set(false);
                self.watchers.borrow().iter().for_each(|f| f());
            });
        }
    }
}

/// A value that can be watched.
#[derive(Debug)]
pub struct Shared<T: 'static> {
    value: RefCell<T>,
    bell: &'static Bell,
}

impl<T> Shared<T> {
    /// One for the rest of the page's life.
    pub fn new(bell: &'static Bell, value: T) -> &'static Self {
        Box::leak(Box::new(Self { value: RefCell::new(value), bell }))
    }

    /// To look at; not while it is changed.
    pub fn read(&self) -> Ref<'_, T> {
        self.value.borrow()
    }

    /// Changes it.
    pub fn update<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let result = f(&mut self.value.borrow_mut());
        self.bell.ring();
        result
    }

    /// Puts another value in its place.
    pub fn set(&self, value: T) {
        self.update(|it| *it = value);
    }

    /// A copy.
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.value.borrow().clone()
    }
}
