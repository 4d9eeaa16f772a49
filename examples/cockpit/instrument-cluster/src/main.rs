//! The cockpit's instrument cluster: FreeRTOS tasks that check their own deadlines

fn main() {}
