package bus_test

const crashEnv = "SLUICE_BUS_CRASH_CHILD"

func crashChild() {}
