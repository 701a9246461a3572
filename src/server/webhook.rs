//! The webhook intake.
