//! `/`: the support form.

use super::request_form::{LiveForm, RequestForm};
use crate::{
    domain::echo::FormEcho,
    language::say,
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
        <Title text=say!(common.new_request) />
        <SiteHeader name=site.name.clone() here="/" />
        <main class="page" id="main">
            <div class="welcome">
                <section class="welcome__pitch">
                    <p class="eyebrow">{say!(form.eyebrow)}</p>
                    <h1>{say!(form.promise)}</h1>
                    <p class="lead">
                        {say!(form.lead)}
                    </p>
                </section>
                <CarriedWords />
                <LiveForm>
                    <RequestForm echo=form />
                </LiveForm>
                <ol class="steps">
                    <li>
                        <strong>{say!(form.step_write)}</strong>
                        " "
                        {say!(form.step_write_how)}
                    </li>
                    <li>
                        <strong>{say!(form.step_team)}</strong>
                        " "
                        {say!(form.step_team_how)}
                    </li>
                    <li>
                        <strong>{say!(form.step_here)}</strong>
                        " "
                        {say!(form.step_here_how)}
                    </li>
                </ol>
            </div>
        </main>
        <footer class="site-footer">{say!(common.footer)}</footer>
    }
}
