package org.openapitools.jackson.nullable;

/**
 * Stands in for the module of jackson-databind-nullable, which the generated
 * client registers. No value of the document is nullable, so it has nothing to do.
 */
public class JsonNullableModule extends com.fasterxml.jackson.databind.module.SimpleModule {}
