//! Parts of the bundle that are fetched when they are first used.
//!
//! `cargo leptos build --split` cuts what is declared with [`later!`], and whatever only that needs, out of the bundle
//! into one file, `extras`. Without `--split` (`cargo leptos watch`) it is in the bundle like everything else.

use leptos::task::spawn_local;

/// The file could not be had: no network, or a server of another build. The next call tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotThere;

#[cfg(split)]
impl From<leptos::wasm_split::SplitLoaderError> for NotThere {
    fn from(_: leptos::wasm_split::SplitLoaderError) -> Self {
        Self
    }
}

/// Declares a function that may have to be fetched before it runs: callers see an `async fn` that ends when the body has
/// run, or with [`NotThere`].
macro_rules! later {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        #[cfg(split)]
        #[::leptos::wasm_split::wasm_split(
            extras,
            wasm_split_path = ::leptos::wasm_split,
            fallible
        )]
        $vis fn $name($($arg: $type),*) -> Result<(), $crate::browser::later::NotThere> {
            let () = $body;
            Ok(())
        }

        $(#[$meta])*
        #[cfg(not(split))]
        $vis async fn $name($($arg: $type),*) -> Result<(), $crate::browser::later::NotThere> {
            let () = $body;
            Ok(())
        }
    };
}
pub(crate) use later;

later! {
    fn nothing() {}
}

/// Fetches the file because it will be wanted soon.
pub fn fetch_ahead() {
    spawn_local(async {
        let _ = nothing().await;
    });
}

/// Runs a part; `otherwise` if it cannot be had.
pub fn run(
    part: impl Future<Output = Result<(), NotThere>> + 'static,
    otherwise: impl FnOnce() + 'static,
) {
    spawn_local(async move {
        if part.await.is_err() {
            otherwise();
        }
    });
}
