package io.gsonfire;

/** Stands in for gson-fire, whose interface the client imports and never uses. */
public interface TypeSelector<T> {
    Class<? extends T> getClassForElement(com.google.gson.JsonElement element);
}
