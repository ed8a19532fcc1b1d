package io.gsonfire;

/** Stands in for gson-fire: without subtypes to select there is nothing to fire. */
public class GsonFireBuilder {
    public com.google.gson.GsonBuilder createGsonBuilder() {
        return new com.google.gson.GsonBuilder();
    }
}
