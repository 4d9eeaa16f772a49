//! The monitor's architecture-neutral policy: schedule, health, console, loading
