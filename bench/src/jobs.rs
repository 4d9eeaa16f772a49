//! Several runs at the same time.

use std::sync::Mutex;
use std::thread;

/// Does `work` for each item, at most `threads` at a time, and gives the results in the items' order.
pub fn run<I: Send, O: Send>(
    threads: usize,
    items: Vec<I>,
    work: impl Fn(I) -> anyhow::Result<O> + Sync,
) -> anyhow::Result<Vec<O>> {
    let count = items.len();
    let queue = Mutex::new(items.into_iter().enumerate());
    let results = Mutex::new((0..count).map(|_| None).collect::<Vec<_>>());
    let next = || queue.lock().ok()?.next();
    let worker = || {
        while let Some((index, item)) = next() {
            let result = work(item);
            if let Ok(mut results) = results.lock() {
                results[index] = Some(result);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, count.max(1)) {
            scope.spawn(worker);
        }
    });
    let results = results.into_inner().unwrap_or_default();
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::run;

    #[test]
    fn results_keep_the_order_of_their_items() {
        let doubled = run(3, (0..20).collect(), |number: u32| Ok(number * 2)).expect("no error");
        assert_eq!(
            doubled,
            (0..20).map(|number| number * 2).collect::<Vec<_>>()
        );
    }

    #[test]
    fn an_error_is_told() {
        let result = run(2, vec![1, 2], |number: u32| {
            anyhow::ensure!(number != 2, "two");
            Ok(number)
        });
        assert!(result.is_err());
    }
}
