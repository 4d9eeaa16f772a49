//! The manifest: parse, check, plan, explain
