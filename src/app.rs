//! The table of pages. The router runs on the server only; in the browser just the islands live.

use crate::{
    domain::{
        error::{Code, DeskError},
        time::At,
    },
    features::{
        conversation::{
            file_page::{FileRefused, FileRefusedPage},
            page::ConversationPage,
        },
        new_request::page::NewRequestPage,
        resume::page::ResumePage,
        threads::page::ThreadsPage,
    },
    language::say,
    ui::{
        escape::escape,
        icon::Shape,
        page::{Blank, SiteHeader},
    },
};
use leptos::{either::Either, prelude::*};
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

pub use crate::domain::site::Site;

/// The context's [`Site`].
pub fn site() -> Site {
    use_context::<Site>().unwrap_or_default()
}

/// Sets the status of the answer that this page is part of; the server puts it into the context.
#[derive(Clone)]
pub struct SetStatus(pub std::sync::Arc<dyn Fn(u16) + Send + Sync>);

impl std::fmt::Debug for SetStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SetStatus")
    }
}

/// Sets the status of the answer that the page is part of.
pub fn set_status(status: u16) {
    if let Some(set) = use_context::<SetStatus>() {
        (set.0)(status);
    }
}

/// Moments as the visitor's wall clock shows them; the server puts it into the context.
#[derive(Clone)]
pub struct WallClock {
    /// The moment whose UTC is the visitor's local time.
    pub show: std::sync::Arc<dyn Fn(&At) -> At + Send + Sync>,
    /// What to write after a time: nothing where the zone is the visitor's, else its name.
    pub zone: &'static str,
    /// The moment of this request.
    pub now: At,
}

impl std::fmt::Debug for WallClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WallClock")
    }
}

/// The context's [`WallClock`], or UTC.
pub fn wall_clock() -> WallClock {
    use_context().unwrap_or_else(|| WallClock {
        show: std::sync::Arc::new(At::clone),
        zone: "UTC",
        now: At::from_millis(0),
    })
}

/// The pages.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let name = site().name;
    view! {
        // leptos_meta does not escape titles, and they hold what visitors typed.
        <Title formatter=move |title: String| {
            escape(&if title.is_empty() { name.clone() } else { format!("{title} · {name}") })
        } />
        <a class="skip visually-hidden" href="#main">
            {say!(common.skip)}
        </a>
        <Router>
            <FlatRoutes fallback=NotFoundPage>
                <Route path=path!("") view=NewRequestPage ssr=SsrMode::Async />
                <Route path=path!("threads") view=ThreadsPage ssr=SsrMode::Async />
                <Route path=path!("t/:thread_id") view=ConversationPage ssr=SsrMode::Async />
                // Not `r/:token`: the page must not know the token.
                <Route path=path!("r") view=ResumePage ssr=SsrMode::Async />
            </FlatRoutes>
        </Router>
    }
}

/// What no route matches. The address of a file is not a page's either, but one stands in for the file.
#[component]
fn NotFoundPage() -> impl IntoView {
    if let Some(refused) = use_context::<FileRefused>() {
        return Either::Left(view! { <FileRefusedPage refused=refused /> });
    }
    set_status(404);
    Either::Right(view! {
        <Title text=say!(common.not_found_tab) />
        <SiteHeader name=site().name here="/404" />
        <Blank
            shape=Shape::Search
            title=say!(common.not_found)
            text=say!(common.not_found_why)
            list=true
        />
    })
}

/// The page that stands in for one that cannot be shown.
pub fn failure(error: DeskError) -> AnyView {
    set_status(error.code.status());
    let (shape, title) = match error.code {
        Code::NotFound | Code::NoSession => (Shape::Search, say!(common.no_conversation)),
        Code::Removed => (Shape::Search, say!(common.removed)),
        _ => (Shape::Alert, say!(common.no_page_now)),
    };
    view! {
        <Title text=title.clone() />
        <Blank shape=shape title=title text=error.error list=true />
    }
    .into_any()
}
