//! Line icons, drawn in the text's colour. Decoration only: the words beside them carry the meaning.

use leptos::prelude::*;

/// What an icon shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// An exclamation mark in a circle.
    Alert,
    /// A tick.
    Check,
    /// An arrow down.
    Down,
    /// A small arrow of a select box.
    Chevron,
    /// A sheet of paper.
    File,
    /// A landscape in a frame.
    Picture,
    /// A triangle that points to the right.
    Play,
    /// A speech bubble.
    Bubble,
    /// A looking glass.
    Search,
    /// Three dots in a row.
    Dots,
    /// An arrow that goes round.
    Again,
    /// A printer.
    Printer,
    /// A star.
    Star,
    /// A paper clip.
    Clip,
    /// The face of a clock.
    Clock,
    /// A globe.
    Globe,
}

impl Shape {
    fn path(self) -> &'static str {
        match self {
            Shape::Alert => {
                "M10 2.75a7.25 7.25 0 1 0 0 14.5 7.25 7.25 0 0 0 0-14.5M10 6.5v4M10 13.4v.1"
            }
            Shape::Check => "m5 10.5 3.2 3.2L15 7",
            Shape::Down => "M10 4.5v11M5.5 11l4.5 4.5 4.5-4.5",
            Shape::Chevron => "m6 8 4 4 4-4",
            Shape::File => "M5 3.5h6l4 4v9H5zM11 3.5v4h4",
            Shape::Picture => "M3 4h14v12H3zm0 9 4-4 4 4 2.5-2.5L17 14M13 7.5v.1",
            Shape::Play => "M6 4v12l10-6z",
            Shape::Bubble => "M3.5 5.5h13v8.5H9l-3.5 3v-3h-2z",
            Shape::Clip => {
                "m14.5 9-5 5a3 3 0 0 1-4.2-4.2l6-6a2 2 0 0 1 2.8 2.8l-6 6a1 1 0 0 1-1.4-1.4l5-5"
            }
            Shape::Clock => {
                "M10 2.75a7.25 7.25 0 1 0 0 14.5 7.25 7.25 0 0 0 0-14.5M10 6v4.25l2.75 1.5"
            }
            Shape::Globe => {
                "M10 2.75a7.25 7.25 0 1 0 0 14.5 7.25 7.25 0 0 0 0-14.5M2.75 10h14.5M10 2.75c4 4.5 4 10 0 14.5-4-4.5-4-10 0-14.5"
            }
            Shape::Search => "M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4m4 9 3.5 3.5",
            Shape::Dots => "M4.5 10v.1M10 10v.1M15.5 10v.1",
            Shape::Again => "M5 6.5a6.25 6.25 0 1 1-1 6M4.5 3v4h4",
            Shape::Printer => "M6 7V3.5h8V7M6 13.5H3.5V7h13v6.5H14M6 11.5h8v5H6z",
            Shape::Star => "m10 3 2.1 4.5 4.9.6-3.6 3.3.9 4.8L10 13.8l-4.3 2.4.9-4.8L3 8.1l4.9-.6z",
        }
    }
}

/// An icon of the given size in pixels.
#[component]
pub fn Icon(shape: Shape, #[prop(default = 18)] size: u8) -> impl IntoView {
    view! {
        <svg
            width=size
            height=size
            viewBox="0 0 20 20"
            fill="none"
            stroke="currentColor"
            stroke-width="1.75"
            stroke-linecap="round"
            stroke-linejoin="round"
            aria-hidden="true"
        >
            <path d=shape.path()></path>
        </svg>
    }
}
