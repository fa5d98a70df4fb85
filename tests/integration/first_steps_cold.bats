# The first steps again, by an engine that keeps no sandboxes ready.

@test "the first steps work without a stock of sandboxes" {
    STOCK=0 run bats --tap "$BATS_TEST_DIRNAME/first_steps.bats"
    echo "$output"
    [ "$status" = 0 ]
}
