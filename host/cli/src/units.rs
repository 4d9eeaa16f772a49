//! Times with units, as users write them.

use std::time::Duration;

/// Reads a time such as `10s`, `1.5s`, `500ms`, `200us`, `2m` or `1h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let number = |char: char| char.is_ascii_digit() || char == '.';
    let split = text.find(|char| !number(char)).unwrap_or(text.len());
    let (value, unit) = text.split_at(split);
    let seconds = match unit {
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "" => return Err("give a unit too, such as 10s or 500ms".to_owned()),
        _ => {
            return Err(format!(
                "`{unit}` is no unit of time; use ns, us, ms, s, m or h"
            ));
        }
    };
    let value: f64 = value
        .parse()
        .map_err(|_| "give a number and a unit, such as 10s".to_owned())?;
    match Duration::try_from_secs_f64(value * seconds) {
        Ok(time) if !time.is_zero() => Ok(time),
        Ok(_) => Err("the time must be more than 0".to_owned()),
        Err(_) => Err("the time is too long".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;
    use std::time::Duration;

    #[test]
    fn times_are_read_with_their_units() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
    }

    #[test]
    fn a_time_without_a_unit_or_a_value_is_refused() {
        for text in [
            "",
            "10",
            "s",
            "0s",
            "1.2.3s",
            "10 s",
            "-1s",
            "10x",
            "999999999999999999999h",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
