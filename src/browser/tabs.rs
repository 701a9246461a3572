//! The tabs of one browser, by Web Locks (who leads) and a BroadcastChannel (who says what). On the server nothing
//! here runs.
//!
//! Browsers have both only in secure contexts (https, or the machine itself), and old ones not at all: then there is
//! no [`Group`], and every tab is on its own. Both reach no further than the origin, so whoever hears what is said
//! holds the same cookie.

use js_sys::{Function, Promise, futures::JsFuture};
use leptos::task::spawn_local;
use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};
use wasm_bindgen::{
    JsCast, JsValue,
    prelude::{Closure, wasm_bindgen},
};
use web_sys::{AbortController, AbortSignal, BroadcastChannel, MessageEvent};

/// Of the lock and the channel.
const NAME: &str = "hotline";

#[wasm_bindgen]
extern "C" {
    /// `LockOptions`: a signal and `steal` exclude each other.
    type LockOptions;
    #[wasm_bindgen(method, setter)]
    fn set_steal(this: &LockOptions, steal: bool);
    #[wasm_bindgen(method, setter)]
    fn set_signal(this: &LockOptions, signal: &AbortSignal);

    /// Throws where there are no locks.
    #[wasm_bindgen(js_namespace = ["navigator", "locks"], js_name = request, catch)]
    fn lock(name: &str, options: &JsValue, granted: &Function) -> Result<Promise, JsValue>;
}

/// What happens to a tab in its group.
pub enum Word {
    /// It leads now.
    Lead,
    /// Another tab took the lead away.
    Deposed,
    /// Another tab said this.
    Said(JsValue),
    /// There are no locks after all.
    Alone,
}

/// A tab's place among the others; leaves on drop, and a lead is passed on.
pub struct Group {
    channel: BroadcastChannel,
    _message: Closure<dyn FnMut(MessageEvent)>,
    hear: Box<dyn Fn(Word)>,
    /// Counts the requests for the lock: only the newest one matters.
    round: Cell<u32>,
    /// Ends the newest request, as long as it waits.
    withdraw: RefCell<Option<AbortController>>,
    /// Gives the lock back.
    release: RefCell<Option<Function>>,
}

impl Group {
    /// Joins, and stands for the lead. None: there is no group here.
    pub fn join(hear: impl Fn(Word) + 'static) -> Option<Rc<Self>> {
        let channel = BroadcastChannel::new(NAME).ok()?;
        let group = Rc::new_cyclic(|weak: &Weak<Self>| {
            let weak = weak.clone();
            let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                if let Some(group) = weak.upgrade() {
                    (group.hear)(Word::Said(event.data()));
                }
            });
            channel.set_onmessage(Some(message.as_ref().unchecked_ref()));
            Self {
                channel,
                _message: message,
                hear: Box::new(hear),
                round: Cell::default(),
                withdraw: RefCell::default(),
                release: RefCell::default(),
            }
        });
        group.stand(false).ok()?;
        Some(group)
    }

    /// Says something to all other tabs.
    pub fn say(&self, words: &JsValue) {
        // It fails only on a closed channel.
        let _ = self.channel.post_message(words);
    }

    /// Takes the lead from a tab that does not answer.
    pub fn seize(self: &Rc<Self>) {
        let _ = self.stand(true);
    }

    fn retire(&self) {
        self.round.set(self.round.get().wrapping_add(1));
        if let Some(request) = self.withdraw.take() {
            request.abort();
        }
        if let Some(release) = self.release.take() {
            let _ = release.call0(&JsValue::NULL);
        }
    }

    fn stand(self: &Rc<Self>, steal: bool) -> Result<(), JsValue> {
        self.retire();
        let round = self.round.get();
        let options: LockOptions = JsValue::from(js_sys::Object::new()).unchecked_into();
        if steal {
            options.set_steal(true);
        } else {
            let request = AbortController::new()?;
            options.set_signal(&request.signal());
            *self.withdraw.borrow_mut() = Some(request);
        }
        let weak = Rc::downgrade(self);
        let current = move || weak.upgrade().filter(|group| group.round.get() == round);
        let elected = current.clone();
        // What it answers is a promise that keeps the lock until it is fulfilled.
        let granted = Closure::<dyn FnMut() -> JsValue>::new(move || {
            let Some(group) = elected() else { return JsValue::NULL };
            let held = Promise::new(&mut |release, _| {
                *group.release.borrow_mut() = Some(release);
            });
            (group.hear)(Word::Lead);
            held.into()
        });
        let over = lock(NAME, options.as_ref(), granted.as_ref().unchecked_ref())?;
        spawn_local(async move {
            let lost = JsFuture::from(over).await.is_err();
            drop(granted);
            let Some(group) = current().filter(|_| lost) else { return };
            if group.release.take().is_none() {
                return (group.hear)(Word::Alone);
            }
            (group.hear)(Word::Deposed);
            let _ = group.stand(false);
        });
        Ok(())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.retire();
        self.channel.set_onmessage(None);
        self.channel.close();
    }
}
