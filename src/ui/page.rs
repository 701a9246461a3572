//! What every page stands in: header, main, footer. And the page that says that something is not there.

use super::{
    icon::{Icon, Shape},
    settings::Settings,
};
use crate::{domain::site::Site, language::say};
use leptos::{either::Either, prelude::*};

/// The header with the product's name and the two ways to go. `here` is the path of the current page.
#[component]
pub fn SiteHeader(
    /// The name visitors know.
    name: String,
    /// The path of this page.
    here: &'static str,
) -> impl IntoView {
    let site = use_context::<Site>().unwrap_or_default();
    let current = move |path: &str| (here == path).then_some("page");
    view! {
        <header class="site-header">
            <a class="brand" href="/">
                {match site.logo.clone() {
                    Some(logo) => Either::Left(view! { <img class="brand__logo" src=logo alt="" height="28" /> }),
                    None => Either::Right(view! { <Mark /> }),
                }}
                {name}
            </a>
            <nav class="site-nav" aria-label=say!(common.main_menu)>
                <a href="/" aria-current=current("/")>
                    {say!(common.new_request)}
                </a>
                <a href="/threads" aria-current=current("/threads")>
                    {say!(common.my_requests)}
                </a>
            </nav>
            <Settings site=site />
        </header>
    }
    // Of one type, or every page's would hold all of it.
    .into_any()
}

/// The product's own mark.
#[component]
fn Mark() -> impl IntoView {
    view! {
                <svg class="brand__mark" width="28" height="28" viewBox="0 0 32 32" aria-hidden="true">
                    <rect width="32" height="32" rx="9" fill="currentColor"></rect>
                    <g transform="rotate(-45 16 16)" fill="none" stroke="#fff" stroke-linecap="round">
                        <path d="M8.2 17.2c0-6.4 15.6-6.4 15.6 0" stroke-width="3.4"></path>
                        <path d="M8.6 17.6v1.6M23.4 17.6v1.6" stroke-width="5.6"></path>
                    </g>
                </svg>
    }
}

/// A page with one message and the ways out of it.
#[component]
pub fn Blank(
    /// The picture.
    shape: Shape,
    /// The heading.
    title: String,
    /// The sentence under it.
    #[prop(into)]
    text: String,
    /// Whether to offer the list of requests as well.
    #[prop(optional)]
    list: bool,
) -> impl IntoView {
    view! {
        <main class="page" id="main">
            <div class="blank">
                <span class="blank__mark">
                    <Icon shape=shape size=24 />
                </span>
                <h1>{title}</h1>
                <p class="lead">{text}</p>
                <p class="actions">
                    <a class="button" href="/">
                        {say!(common.new_request)}
                    </a>
                    {list
                        .then(|| {
                            view! {
                                <a class="button button--quiet" href="/threads">
                                    {say!(common.my_requests)}
                                </a>
                            }
                        })}
                </p>
            </div>
        </main>
    }
    .into_any()
}
