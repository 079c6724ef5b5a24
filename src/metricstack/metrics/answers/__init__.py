"""From sums to answers: values, intervals, checks, refusals."""
