//! `/`: the support form.

use super::request_form::{LiveForm, RequestForm};
use crate::{
    domain::echo::FormEcho,
    ui::{page::SiteHeader, words::CarriedWords},
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The page. After a refused POST the request's context holds what was typed and what is wrong with it.
#[component]
pub fn NewRequestPage() -> impl IntoView {
    let site = crate::app::site();
    let echo = use_context::<FormEcho>().unwrap_or_default();
    let form = FormEcho { fresh_key: site.fresh_key.clone(), ..echo };
    view! {
        <Title text="New request" />
        <SiteHeader name=site.name.clone() here="/" />
        <main class="page" id="main">
            <div class="welcome">
                <section class="welcome__pitch">
                    <p class="eyebrow">"Customer support"</p>
                    <h1>"Write once. Get the answer right here."</h1>
                    <p class="lead">
                        "No account, no ticket portal, no waiting for an e\u{2011}mail. Keep the page open and talk to a person."
                    </p>
                </section>
                <CarriedWords />
                <LiveForm>
                    <RequestForm echo=form />
                </LiveForm>
                <ol class="steps">
                    <li>
                        <strong>"You write"</strong>
                        " Tell us what is wrong, in your own words."
                    </li>
                    <li>
                        <strong>"The team answers in its own tools"</strong>
                        " It reaches the people who can help, where they already work."
                    </li>
                    <li>
                        <strong>"It appears here at once"</strong>
                        " You see the answer the moment it is sent."
                    </li>
                </ol>
            </div>
        </main>
        <footer class="site-footer">"Answers come from people, and arrive here at once."</footer>
    }
}
